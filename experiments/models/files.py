"""Manifests: trees of files, each path with the blob that holds its bytes or where it lies outside.

A run, a logged model and a version of an artifact have one each; versions may share theirs.
"""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import Workspace
from experiments.models.snapshots import Blob


class Manifest(models.Model):
    """A tree of files. Sealed, it never changes again."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="manifests")
    sealed = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())


class ManifestFile(models.Model):
    manifest = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=1000)  # relative, "/" between folders
    # Either a blob, or a reference: an address outside, its digest as told by the client.
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=2000, blank=True)
    digest = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(null=True)  # of a reference: as told, or unknown
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["manifest", "path"], name="one_manifest_file_per_path"),
        ]
        indexes = [models.Index(fields=["blob"], name="manifest_files_by_blob")]
