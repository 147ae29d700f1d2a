"""Code of a run: a manifest of content-addressed blobs, with the git state it came from."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import Workspace
from experiments.models.documents import DocumentField


class Blob(models.Model):
    """Bytes on disk (or any Django storage) under their SHA-256."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now())


class Snapshot(models.Model):
    """The files a run executed. Equal content in one workspace is stored once."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="snapshots")
    digest = models.CharField(max_length=64)  # SHA-256 over sorted (path, sha256) and the git state
    git_commit = models.CharField(max_length=64, blank=True)
    git_branch = models.CharField(max_length=250, blank=True)
    git_remote = models.CharField(max_length=500, blank=True)  # without credentials
    patch = models.ForeignKey(  # uncommitted changes against git_commit
        Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "digest"], name="one_snapshot_per_digest"),
        ]


class SnapshotFile(models.Model):
    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=500)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "path"], name="one_file_per_path"),
        ]


class LeftOut(models.Model):
    """Files of a run's code that its client saw and did not record. Of the run, not of the
    snapshot: runs that recorded the same are of the same code, whatever lies beside it."""

    run = models.OneToOneField(
        "experiments.Run", primary_key=True, on_delete=models.CASCADE, related_name="left_out"
    )
    files = DocumentField(
        default=list
    )  # "path", "size", "why", "sha256", as `experiments.left_out`
    more = models.PositiveIntegerField(default=0)  # left out, and not named
