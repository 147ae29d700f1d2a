"""How artifacts and their versions are written and read in JSON, with examples."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from experiments import retention
from experiments.api.fields import Choice, Flag, Input, Object, Output, Text, Texts, Whole
from experiments.models import Artifact, ArtifactKind, ArtifactVersion

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class VersionOutput(Output):
    id = serializers.IntegerField()
    artifact = serializers.IntegerField(source="artifact_id")
    name = serializers.CharField(source="artifact.name")
    kind = serializers.CharField(source="artifact.kind")
    project = serializers.SerializerMethodField()
    number = serializers.IntegerField()
    aliases = serializers.SerializerMethodField()
    digest = serializers.CharField()
    file_count = serializers.IntegerField()
    size = serializers.IntegerField()
    metadata = serializers.DictField()
    pinned = serializers.BooleanField()
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    created_at = serializers.DateTimeField()

    def get_project(self, version: ArtifactVersion) -> str:
        project = version.artifact.project
        return f"{project.workspace.slug}/{project.slug}"

    def get_aliases(self, version: ArtifactVersion) -> list[str]:
        return sorted(alias.name for alias in version.aliases.all())


VERSION: dict[str, Any] = {
    "id": 7,
    "artifact": 3,
    "name": "omniglot-split",
    "kind": "dataset",
    "project": "lab/omniglot",
    "number": 2,
    "aliases": ["paper"],
    "digest": SHA,
    "file_count": 1623,
    "size": 9_464_212,
    "metadata": {"characters": 1623},
    "pinned": False,
    "created_by": "ada",
    "created_at": "2026-11-23T10:00:00Z",
}


class ArtifactOutput(Output):
    id = serializers.IntegerField()
    project = serializers.SerializerMethodField()
    name = serializers.CharField()
    kind = serializers.CharField()
    description = serializers.CharField()
    keep_versions = serializers.IntegerField(allow_null=True)
    keep_days = serializers.IntegerField(allow_null=True)
    latest = serializers.IntegerField(allow_null=True, help_text="Number of the newest version.")
    created_at = serializers.DateTimeField()

    def get_project(self, artifact: Artifact) -> str:
        return f"{artifact.project.workspace.slug}/{artifact.project.slug}"


ARTIFACT: dict[str, Any] = {
    "id": 3,
    "project": "lab/omniglot",
    "name": "omniglot-split",
    "kind": "dataset",
    "description": "",
    "keep_versions": None,
    "keep_days": None,
    "latest": 2,
    "created_at": "2026-11-23T10:00:00Z",
}


class StoredInput(Input):
    path = Text()
    sha256 = Text(help_text="Of bytes that were sent to /workspaces/<workspace>/blobs/.")


class ReferenceInput(Input):
    path = Text()
    url = Text(help_text="Where the file stays: s3://..., https://..., file:///...")
    digest = Text(required=False, allow_blank=True, default="")
    size = Whole(required=False, allow_null=True, min_value=0, default=None)


class VersionInput(Input):
    project = Text(help_text="'slug' or 'workspace/slug'.")
    name = Text()
    kind = Choice(choices=ArtifactKind.values, default="file")
    files = StoredInput(many=True, required=False, default=list)
    references = ReferenceInput(many=True, required=False, default=list)
    metadata = Object(required=False, default=dict)
    aliases = Texts(required=False, default=list)
    run = Text(required=False, allow_null=True, default=None, help_text="That made it.")


class ArtifactChange(Input):
    description = Text(required=False, allow_blank=True)
    keep_versions = Whole(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=1_000_000,
        help_text="null or 0: no rule, all of them are kept.",
    )
    keep_days = Whole(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=retention.LONGEST_DAYS,
        help_text="null or 0: no rule, however old they are.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A rule is taken away as it is shown where there is none."""
        return {name: 0 if value is None else value for name, value in attrs.items()}


class VersionChange(Input):
    pinned = Flag(help_text="Pinned, no rule erases it, and nobody does.")


class AliasInput(Input):
    version = Whole(min_value=1, help_text="Its number.")


class UseInput(Input):
    version = Whole(min_value=1, help_text="The version's id.")


class UsesOutput(Output):
    inputs = VersionOutput(many=True)
    outputs = VersionOutput(many=True)


class NodeOutput(Output):
    id = serializers.CharField()
    kind = serializers.CharField(help_text="run, dataset, model or file.")
    name = serializers.CharField()


class EdgeOutput(Output):
    before = serializers.CharField()
    after = serializers.CharField()


class LineageOutput(Output):
    nodes = NodeOutput(many=True)
    edges = EdgeOutput(many=True)
    complete = serializers.BooleanField(help_text="False: there is more than is shown.")


LINEAGE = {
    "nodes": [
        {"id": "version-7", "kind": "dataset", "name": "omniglot-split:2"},
        {"id": "run-1jh3v9r7k2m0c4qx", "kind": "run", "name": "maml-s0"},
    ],
    "edges": [{"before": "version-7", "after": "run-1jh3v9r7k2m0c4qx"}],
    "complete": True,
}


def versions() -> QuerySet[ArtifactVersion]:
    """All versions, with what `VersionOutput` shows of them."""
    return ArtifactVersion.objects.select_related(
        "artifact__project__workspace", "created_by"
    ).prefetch_related("aliases")
