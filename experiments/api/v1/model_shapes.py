"""How registered models, their versions and comparisons are written and read in JSON."""

from typing import Any

from rest_framework import serializers

from experiments.api.fields import Choice, Flag, Input, Output, Text, Texts, TextsByName, Whole
from experiments.comparing import trees
from experiments.models import ModelVersion, RegisteredModel
from experiments.registry import catalog, origins, versions
from experiments.registry.compared import Comparison


class ModelOutput(Output):
    workspace = serializers.CharField(source="workspace.slug")
    name = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField(help_text="Numbers of versions by alias.")
    latest = serializers.IntegerField(allow_null=True, help_text="The highest number.")
    version_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()

    def get_tags(self, model: RegisteredModel) -> dict[str, str]:
        return catalog.tags_of(model)

    def get_aliases(self, model: RegisteredModel) -> dict[str, int]:
        found = {alias.name: alias.version.number for alias in model.aliases.all()}
        return dict(sorted(found.items()))


MODEL: dict[str, Any] = {
    "workspace": "lab",
    "name": "few-shot learner",
    "description": "Five-way, one shot.",
    "tags": {"task": "omniglot"},
    "aliases": {"champion": 3},
    "latest": 4,
    "version_count": 4,
    "created_at": "2026-11-23T10:00:00Z",
    "changed_at": "2026-11-24T09:00:00Z",
}


class ModelVersionOutput(Output):
    """Made with `shut`, the projects that the reader is shut out of, in its context."""

    workspace = serializers.CharField(source="model.workspace.slug")
    model = serializers.CharField(source="model.name")
    number = serializers.IntegerField()
    stage = serializers.CharField()
    aliases = serializers.SerializerMethodField()
    description = serializers.CharField()
    tags = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    hidden = serializers.SerializerMethodField(
        help_text="It comes from a project that you are shut out of: what follows is null."
    )
    source = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="What it was made of, as named."
    )
    run = serializers.SerializerMethodField(help_text="The id of the run that made it.")
    logged_model = serializers.SerializerMethodField()
    artifact_version = serializers.SerializerMethodField()

    def get_aliases(self, version: ModelVersion) -> list[str]:
        return sorted(alias.name for alias in version.aliases.all())

    def get_tags(self, version: ModelVersion) -> dict[str, str]:
        return catalog.tags_of(version)

    def get_hidden(self, version: ModelVersion) -> bool:
        return self._origin(version).hidden

    def get_source(self, version: ModelVersion) -> str | None:
        return self._origin(version).source or None

    def get_run(self, version: ModelVersion) -> str | None:
        return self._origin(version).run_id or None

    def get_logged_model(self, version: ModelVersion) -> str | None:
        return self._origin(version).logged_model_id or None

    def get_artifact_version(self, version: ModelVersion) -> int | None:
        return self._origin(version).artifact_version_id

    def _origin(self, version: ModelVersion) -> origins.Origin:
        return origins.origin_of(version, self.context["shut"])


MODEL_VERSION: dict[str, Any] = {
    "workspace": "lab",
    "model": "few-shot learner",
    "number": 3,
    "stage": "Production",
    "aliases": ["champion"],
    "description": "",
    "tags": {},
    "created_by": "ada",
    "created_at": "2026-11-23T10:00:00Z",
    "changed_at": "2026-11-24T09:00:00Z",
    "hidden": False,
    "source": "mlflow-artifacts:/4/versions/7/artifacts",
    "run": "1jh3v9r7k2m0c4qx",
    "logged_model": None,
    "artifact_version": 7,
}


class ModelInput(Input):
    workspace = Text(help_text="Its slug.")
    name = Text()
    description = Text(required=False, allow_blank=True, default="")
    tags = TextsByName(required=False, default=dict)


class ModelChange(Input):
    name = Text(required=False)
    description = Text(required=False, allow_blank=True)
    tags = TextsByName(
        removable=True, required=False, help_text="Those that change; null removes one."
    )


class ModelVersionInput(Input):
    run = Text(required=False, default="", help_text="The id of the run whose files it is made of.")
    path = Text(
        required=False, allow_blank=True, default="", help_text="The folder of the run's files."
    )
    logged_model = Text(required=False, default="", help_text="Or a logged model, m-...")
    artifact_version = Whole(
        required=False, allow_null=True, min_value=1, max_value=2**63 - 1, default=None,
        help_text="Or the id of a version of an artifact of kind model.",
    )  # fmt: skip
    source = Text(  # type: ignore[assignment]
        required=False, default="", help_text="Or an address elsewhere, s3://..."
    )
    description = Text(required=False, allow_blank=True, default="")
    tags = TextsByName(required=False, default=dict)
    aliases = Texts(required=False, default=list)


class ModelVersionChange(Input):
    stage = Choice(choices=versions.STAGES, required=False)
    archive_others = Flag(
        required=False, default=False, help_text="Archive the versions that were in that stage."
    )
    description = Text(required=False, allow_blank=True)
    tags = TextsByName(
        removable=True, required=False, help_text="Those that change; null removes one."
    )


class ModelAliasInput(Input):
    version = Whole(min_value=1, max_value=999_999_999, help_text="Its number.")


class ComparedParam(Output):
    key = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField(allow_null=True))
    differs = serializers.BooleanField()


class ComparedNumber(Output):
    value = serializers.FloatField(allow_null=True, help_text='Or "nan", "inf", "-inf".')
    step = serializers.IntegerField(allow_null=True)
    delta = serializers.FloatField(allow_null=True, help_text="To the first version.")
    change = serializers.CharField(help_text='"better", "worse" or "".')
    is_best = serializers.BooleanField()


class ComparedMetric(Output):
    key = serializers.CharField()
    direction = serializers.CharField(help_text='"min", "max" or "": what is better.')
    values = ComparedNumber(many=True)


class ComparedFiles(Output):
    number = serializers.IntegerField()
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    changed = serializers.ListField(child=serializers.CharField())
    same = serializers.IntegerField()
    complete = serializers.BooleanField(help_text="False: more paths than are listed.")


class ModelComparisonOutput(Output):
    versions = ModelVersionOutput(many=True)
    params = ComparedParam(many=True)
    metrics = ComparedMetric(many=True)
    files = ComparedFiles(many=True, help_text="Against the first, where both have files here.")


COMPARISON: dict[str, Any] = {
    "versions": [MODEL_VERSION, {**MODEL_VERSION, "number": 4, "aliases": [], "stage": "None"}],
    "params": [{"key": "outer.lr", "values": ["0.001", "0.01"], "differs": True}],
    "metrics": [
        {
            "key": "test/accuracy",
            "direction": "max",
            "values": [
                {"value": 0.91, "step": 500, "delta": None, "change": "", "is_best": False},
                {"value": 0.93, "step": 500, "delta": 0.02, "change": "better", "is_best": True},
            ],
        }
    ],
    "files": [
        {"number": 4, "added": [], "removed": [], "changed": ["weights.pt"], "same": 2,
         "complete": True}
    ],
}  # fmt: skip


def comparison_of(found: Comparison, shut: origins.Shut) -> dict[str, Any]:
    """What `ModelComparisonOutput` describes."""
    shown = ModelVersionOutput(found.versions, many=True, context={"shut": shut}).data
    return {
        "versions": shown,
        "params": [
            {
                "key": row.key,
                "values": [None if cell.is_missing else cell.text for cell in row.cells],
                "differs": row.differs,
            }
            for row in found.params
        ],
        "metrics": [
            {
                "key": row.key,
                "direction": row.direction,
                "values": [
                    {
                        "value": cell.value,
                        "step": cell.step,
                        "delta": cell.delta,
                        "change": cell.change,
                        "is_best": cell.is_best,
                    }
                    for cell in row.cells
                ],
            }
            for row in found.metrics
        ],
        "files": [
            _files(version.number, diff)
            for version, diff in zip(found.versions, found.files, strict=True)
            if diff is not None
        ],
    }


def _files(number: int, diff: trees.TreeDiff) -> dict[str, Any]:
    kinds = {"added": diff.added, "removed": diff.removed, "changed": diff.changed}
    return {
        "number": number,
        **{kind: [file.path for file in one.files] for kind, one in kinds.items()},
        "same": diff.same,
        "complete": all(one.count == len(one.files) for one in kinds.values()),
    }
