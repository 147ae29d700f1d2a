"""Where versions come from, as far as a reader may know: the one place that decides.

The registry is the workspace's, runs and files are their project's. Who is shut out of a project
sees that a version is there, its stage, aliases and words, and nothing of what it was made of.
"""

from dataclasses import dataclass

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.fields import CharField

from experiments.checks import no_such
from experiments.models import Manifest, ModelVersion, Run, User
from experiments.models.projects import shut_from

Shut = frozenset[int]  # ids of projects


@dataclass(frozen=True)
class Origin:
    """What a version was made of; of a hidden one everything is empty."""

    hidden: bool = False
    source: str = ""
    location: str = ""
    run_id: str = ""
    run_link: str = ""
    logged_model_id: str = ""
    artifact_version_id: int | None = None


_HIDDEN = Origin(hidden=True)


def shut_projects(reader: User) -> Shut:
    """The projects whose origins this reader may not learn: what `origin_of` asks for."""
    return frozenset(shut_from(reader))


def is_hidden(version: ModelVersion, shut: Shut) -> bool:
    """True where the files or the run are in a project that is shut."""
    return bool({version.files_project_id, version.run_project_id} & shut)


def origin_of(version: ModelVersion, shut: Shut) -> Origin:
    """What a reader who is shut out of these projects may know of it."""
    if is_hidden(version, shut):
        return _HIDDEN
    return Origin(
        source=version.source,
        location=version.location,
        run_id=version.source_run_id,
        run_link=version.run_link,
        logged_model_id=version.logged_model_id or "",
        artifact_version_id=version.artifact_version_id,
    )


def with_origins(rows: QuerySet[ModelVersion], shut: Shut) -> QuerySet[ModelVersion]:
    """With the columns `shown_source` and `shown_run_id`, empty where hidden: for filters, which
    would tell by what they find."""
    hidden = Q(files_project__in=shut) | Q(run_project__in=shut)

    def unless_hidden(column: str) -> Case:
        return Case(When(hidden, then=Value("")), default=F(column), output_field=CharField())

    return rows.annotate(
        shown_source=unless_hidden("source"), shown_run_id=unless_hidden("source_run_id")
    )


def run_of(version: ModelVersion, shut: Shut) -> Run | None:
    """The run that made it, if it is there and the reader may see it."""
    return runs_of([version], shut).get(version.pk)


def runs_of(versions: list[ModelVersion], shut: Shut) -> dict[int, Run]:
    """The same for several, by the id of the version, in one query."""
    wanted = {
        one.pk: one.source_run_id
        for one in versions
        if one.source_run_id and not is_hidden(one, shut)
    }
    workspaces = {one.model.workspace_id for one in versions}
    rows = Run.objects.select_related("project__workspace").filter(
        project__workspace__in=workspaces
    )
    found = rows.exclude(project__in=shut).in_bulk(list(wanted.values()))
    return {pk: found[run_id] for pk, run_id in wanted.items() if run_id in found}


def files_of(version: ModelVersion, shut: Shut) -> tuple[Manifest | None, str]:
    """The tree that holds its files and the folder in it; None where they are elsewhere.

    Raises NotFound where they are hidden.
    """
    if is_hidden(version, shut):
        raise no_such("file of", f"{version.model.name}/{version.number}")
    owner = version.artifact_version or version.logged_model or version.files_run
    return (owner.files if owner else None), version.folder
