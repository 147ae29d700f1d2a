"""Datasets and models that a run read, and models that it made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from experiments.mlflow import runs
from experiments.mlflow.words import Tags, check_length, invalid, no_such
from experiments.models import Dataset, DatasetInput, LoggedModel, LoggedModelUse, Run

CONTEXT = "mlflow.data.context"
MOST = 1_000
LIMITS: Mapping[str, int] = {
    "name": 500, "digest": 36, "source_type": 36, "source": 65_535, "schema": 1_048_575,
    "profile": 16_777_215,
}  # fmt: skip
LONGEST_TAG_KEY, LONGEST_TAG_VALUE = 255, 500


@dataclass(frozen=True)
class Read:
    """A dataset as a client describes it: the fields of LIMITS, and what it was read for."""

    fields: Mapping[str, str]
    tags: Tags


@transaction.atomic
def log_inputs(run: Run, datasets: Sequence[Read], models: Sequence[str]) -> None:
    """Notes what a run read; what is noted already stays as it is. Raises Invalid, NotFound."""
    runs.refuse_deleted(run)
    if len(datasets) > MOST:
        raise invalid("datasets", f"are {len(datasets):,}: send at most {MOST:,} at once.")
    for read in datasets:
        _check(read)
    for read in datasets:
        described = {name: read.fields[name] for name in LIMITS if name not in ("name", "digest")}
        dataset, _ = Dataset.objects.get_or_create(
            project_id=run.project_id, name=read.fields["name"], digest=read.fields["digest"],
            defaults=described,
        )  # fmt: skip
        DatasetInput.objects.get_or_create(
            run=run, dataset=dataset,
            defaults={"tags": dict(read.tags), "context": read.tags.get(CONTEXT, "")},
        )  # fmt: skip
    _use(run, dict.fromkeys(models, 0), LoggedModelUse.Role.INPUT)


@transaction.atomic
def log_outputs(run: Run, models: Mapping[str, int]) -> None:
    """Notes the models that a run made, each with its step. Raises Invalid, NotFound."""
    runs.refuse_deleted(run)
    _use(run, models, LoggedModelUse.Role.OUTPUT)


def _check(read: Read) -> None:
    for name, most in LIMITS.items():
        check_length(f"The dataset's {name}", read.fields[name], most)
    for key, value in read.tags.items():
        check_length("The key of a dataset's tag", key, LONGEST_TAG_KEY)
        check_length(f"The value of tag {key!r}", value, LONGEST_TAG_VALUE)


def _use(run: Run, models: Mapping[str, int], role: LoggedModelUse.Role) -> None:
    workspace = run.project.workspace
    found = LoggedModel.objects.filter(project__workspace=workspace, pk__in=list(models))
    known = set(found.values_list("pk", flat=True))
    if missing := [model_id for model_id in models if model_id not in known]:
        raise no_such("logged model", missing[0])
    LoggedModelUse.objects.bulk_create(
        [LoggedModelUse(run=run, model_id=m, role=role, step=s) for m, s in models.items()],
        ignore_conflicts=True,
    )
