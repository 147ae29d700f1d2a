"""What is done to very many runs of a project at once: a few statements for every thousand.

A thousand runs are changed in one transaction, so that other writers get their turn: what fails in
the middle leaves those before changed. Doing it again changes nothing more. Each function answers
how many runs it changed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from experiments import audit
from experiments.errors import Invalid
from experiments.lifecycle.editing import checked_color
from experiments.lifecycle.nesting import hold
from experiments.lifecycle.runs import transition
from experiments.lifecycle.tags import MOST_TAGS, clean_tags
from experiments.models import Project, Run, RunStatus, RunTag
from experiments.models.audit import Action
from experiments.models.runs import ACTIVE
from experiments.problems import Problems

AT_ONCE = 1_000


def tag_many(project: Project, run_ids: Sequence[str], tags: Sequence[str]) -> int:
    """Adds tags to each run. Raises Invalid before the first where one would have too many."""
    names = _names(tags)
    for part in _parts(run_ids):
        others = Count("tag_rows", filter=Q(tag_rows__value="") & ~Q(tag_rows__name__in=names))
        full = (
            _of(project, part)
            .annotate(others=others)
            .filter(others__gt=MOST_TAGS - len(names))
            .first()
        )
        if full is not None:
            problem = f"{full.name} would have more than {MOST_TAGS} tags."
            raise Invalid(f"tags: {problem}", fields={"tags": [problem]})

    def add(runs: QuerySet[Run]) -> int:
        ids = list(runs.values_list("pk", flat=True))
        RunTag.objects.bulk_create(
            [
                RunTag(run_id=run_id, project_id=project.pk, name=name)
                for run_id in ids
                for name in names
            ],
            ignore_conflicts=True,
        )
        return len(ids)

    return _each(project, run_ids, add)


def untag_many(project: Project, run_ids: Sequence[str], tags: Sequence[str]) -> int:
    """Removes tags from each run that has them; named texts stay."""
    names = _names(tags)

    def remove(runs: QuerySet[Run]) -> int:
        rows = RunTag.objects.filter(run__in=runs.values("pk"), name__in=names, value="")
        count = rows.values("run").distinct().count()
        rows.delete()
        return count

    return _each(project, run_ids, remove)


def group_many(project: Project, run_ids: Sequence[str], group: str) -> int:
    """Puts the runs into a group; an empty name takes them out of any."""
    problems = Problems()
    group = problems.text("group", group, most=200)
    problems.check()
    return _each(project, run_ids, lambda runs: runs.exclude(group=group).update(group=group))


def color_many(project: Project, run_ids: Sequence[str], color: int) -> int:
    """Gives the runs a colour, 1 to 20; 0: each the one that its number gives."""
    problems = Problems()
    chosen = checked_color(color, problems)
    problems.check()
    return _each(
        project,
        run_ids,
        lambda runs: runs.filter(_has_not(chosen)).update(color=chosen),
    )


def _has_not(color: int | None) -> Q:
    # A column that is null differs from every number, which SQL does not say of itself.
    return Q(color__isnull=False) if color is None else ~Q(color=color) | Q(color=None)


def archive_many(project: Project, run_ids: Sequence[str]) -> int:
    """Hides the runs from lists; those that are queued or running stay."""
    return _each(
        project,
        run_ids,
        lambda runs: (
            runs.filter(archived_at=None).exclude(status__in=ACTIVE).update(archived_at=Now())
        ),
    )


def unarchive_many(project: Project, run_ids: Sequence[str]) -> int:
    """Shows archived runs in lists again; those in the trash stay there."""
    return _each(
        project,
        run_ids,
        lambda runs: (
            runs.exclude(archived_at=None).filter(deleted_at=None).update(archived_at=None)
        ),
    )


def trash_many(project: Project, run_ids: Sequence[str]) -> int:
    """Moves the runs to the trash; those whose job is queued or running stay. Running ones of
    clients are cancelled. One entry of the audit log for each thousand, with their ids."""

    def move(runs: QuerySet[Run]) -> int:
        going = runs.filter(deleted_at=None).exclude(status__in=ACTIVE, job__isnull=False)
        for run in going.filter(status__in=ACTIVE):
            transition(run, to=RunStatus.CANCELLED, reason="Moved to the trash.")
        ids = sorted(going.values_list("pk", flat=True))
        moved = Run.objects.filter(pk__in=ids).update(
            deleted_at=Now(), archived_at=Coalesce("archived_at", Now())
        )
        if moved:
            told: dict[str, Any] = {"project": project.slug, "runs": ids}
            audit.record(Action.RUN_TRASHED, f"{moved} runs", place=project, **told)
        return moved

    return _each(project, run_ids, move)


def _names(tags: Sequence[str]) -> list[str]:
    problems = Problems()
    names = clean_tags(tags, problems)
    if not names:
        problems.add("tags", "Name at least one.")
    problems.check()
    return names


def _parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(run_ids), AT_ONCE):
        yield run_ids[start : start + AT_ONCE]


def _of(project: Project, run_ids: Sequence[str]) -> QuerySet[Run]:
    return Run.objects.filter(project=project, pk__in=run_ids)


def _each(project: Project, run_ids: Sequence[str], change: Callable[[QuerySet[Run]], int]) -> int:
    changed = 0
    for part in _parts(run_ids):
        with transaction.atomic():
            hold(part)
            changed += change(_of(project, part))
    return changed
