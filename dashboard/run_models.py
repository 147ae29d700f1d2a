"""Logged models and datasets of a run, which MLflow's clients note, as its page shows them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum

from dashboard.file_tree import Place
from experiments.errors import NotFound
from experiments.models import DatasetInput, LoggedModel, LoggedModelUse, Run, User
from experiments.models.projects import shut_from

MOST_MODELS = 100  # the newest


@dataclass(frozen=True)
class ModelRow:
    """A model that the run made or read, and the address of its files."""

    model: LoggedModel
    made: bool
    href: str
    files: int
    size: int


def models_of(run: Run, reader: User) -> list[ModelRow]:
    """The newest of them that the reader may see, newest first."""
    read = set(
        run.model_uses.filter(role=LoggedModelUse.Role.INPUT).values_list("model", flat=True)
    )
    found = _seen(run, reader).annotate(
        count=Count("files__files"), bytes=Sum("files__files__size")
    )
    return [
        ModelRow(
            model=one,
            made=one.run_id == run.pk or one.pk not in read,
            href=f"{_page(one)}#files",
            files=one.count,
            size=one.bytes or 0,
        )
        for one in found.prefetch_related("versions__model__workspace")[:MOST_MODELS]
    ]


def model_of(run: Run, model_id: str, reader: User) -> LoggedModel:
    """One of them. Raises NotFound."""
    found = _seen(run, reader).filter(pk=model_id).select_related("files").first()
    if found is None:
        raise NotFound(f"This run has no model {model_id[:60]!r}, or it is not yours to see.")
    return found


def _seen(run: Run, reader: User) -> QuerySet[LoggedModel]:
    used = LoggedModelUse.objects.filter(run=run).values("model")
    rows = LoggedModel.objects.filter(Q(run=run) | Q(pk__in=used), deleted_at=None)
    return rows.exclude(project__in=shut_from(reader))


def _page(model: LoggedModel) -> str:
    return "?" + urlencode({"tab": "files", "model": model.pk})


def place_of(model: LoggedModel, content: str, picture: str) -> Place:
    """The addresses of its files, below the page of the run."""
    return Place(_page(model), content, picture)


def datasets_of(run: Run) -> list[DatasetInput]:
    """The datasets that the run read, in the order in which it said so."""
    return list(run.dataset_inputs.select_related("dataset").order_by("pk"))
