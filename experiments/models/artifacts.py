"""Artifacts: named things of a project whose every version is a sealed tree of files."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User, Workspace
from experiments.models.documents import DocumentField
from experiments.models.files import Manifest
from experiments.models.projects import Project
from experiments.models.runs import Run
from experiments.models.snapshots import Blob


class ArtifactKind(models.TextChoices):
    DATASET = "dataset"
    MODEL = "model"
    FILE = "file"


class Artifact(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=ArtifactKind.choices, default=ArtifactKind.FILE)
    description = models.TextField(blank=True, max_length=10_000)
    # Versions past this many are erased, the oldest first, unless something holds them; null: none.
    keep_versions = models.PositiveIntegerField(null=True, blank=True)
    keep_days = models.PositiveIntegerField(null=True, blank=True)  # the same for older ones
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_artifact_per_name"),
        ]
        indexes = [
            models.Index(
                fields=["keep_days"],
                name="artifacts_kept_for_days",
                condition=models.Q(keep_days__isnull=False),
            ),
        ]


class ArtifactVersion(models.Model):
    """One state of an artifact: 1, 2, 3 ... Logging equal content again makes no new one."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 over sorted paths and their contents
    files = models.ForeignKey(Manifest, on_delete=models.PROTECT, related_name="versions")
    file_count = models.PositiveIntegerField()
    size = models.BigIntegerField()  # bytes; of references, as told
    metadata = DocumentField(default=dict)
    pinned = models.BooleanField(db_default=False)  # no rule erases it, and nobody does
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["artifact", "number"], name="one_version_per_number"),
            models.UniqueConstraint(fields=["artifact", "digest"], name="one_version_per_digest"),
        ]


class ArtifactAlias(models.Model):
    """A name that points to one version of an artifact: "best", "production"."""

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="aliases")
    version = models.ForeignKey(ArtifactVersion, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["artifact", "name"], name="one_alias_per_name"),
        ]


class ArtifactUse(models.Model):
    """A run made a version, or read it: an edge of the lineage graph."""

    class Role(models.TextChoices):
        OUTPUT = "output"
        INPUT = "input"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artifact_uses")
    version = models.ForeignKey(ArtifactVersion, on_delete=models.CASCADE, related_name="uses")
    role = models.CharField(max_length=8, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "version", "role"], name="one_use_per_role"),
        ]


class BlobUpload(models.Model):
    """A workspace sent these bytes itself: it may put them into its trees by their SHA-256."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    blob = models.ForeignKey(Blob, on_delete=models.CASCADE, related_name="uploads")
    created_at = models.DateTimeField(db_default=Now())  # when it was last sent or asked for

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "blob"], name="one_upload_per_blob"),
        ]
