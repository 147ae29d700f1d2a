"""What people and clients write on a run after it was made."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from experiments.errors import Conflict
from experiments.lifecycle import params as flat
from experiments.lifecycle.nesting import set_parent
from experiments.lifecycle.runs import LONGEST_NOTES, checked_document
from experiments.lifecycle.tags import clean_tags
from experiments.models import Run, RunTag
from experiments.models.runs import COLORS
from experiments.problems import Problems


@transaction.atomic
def edit_run(
    run: Run,
    *,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    group: str | None = None,
    parent: str | None = None,
    color: int | None = None,
) -> Run:
    """Changes what is given and nothing else; all or nothing. `parent`: an id, or "" for none;
    `color`: 1 to 20, or 0 for the one that its number gives."""
    problems = Problems()
    changed: list[str] = []
    if name is not None:
        run.name = problems.text("name", name, least=1, most=200)
        changed.append("name")
    if notes is not None:
        run.notes = problems.text("notes", notes, most=LONGEST_NOTES, lines=True)
        changed.append("notes")
    if group is not None:
        run.group = problems.text("group", group, most=200)
        changed.append("group")
    if color is not None:
        run.color = checked_color(color, problems)
        changed.append("color")
    names = None if tags is None else clean_tags(tags, problems)
    problems.check()
    if parent is not None:
        set_parent(run, parent)
    if changed:
        run.save(update_fields=changed)
    if names is not None:
        _replace_tags(run, names)
    return run


def checked_color(color: int, problems: Problems) -> int | None:
    """As it is stored: None for the colour that the run's number gives."""
    if not 0 <= color <= COLORS:
        problems.add("color", f"Use 1 to {COLORS}, or none for the one by the run's number.")
    return color or None


def _replace_tags(run: Run, names: list[str]) -> None:
    Run.objects.select_for_update(no_key=True).get(pk=run.pk)  # writers take turns
    # Named texts are not labels: they stay.
    RunTag.objects.filter(run=run, value="").exclude(name__in=names).delete()
    RunTag.objects.bulk_create(
        [RunTag(run=run, project_id=run.project_id, name=name) for name in names],
        ignore_conflicts=True,
    )


def set_tags(run: Run, tags: Sequence[str]) -> Run:
    """Replaces the run's tags."""
    return edit_run(run, tags=tags)


def set_notes(run: Run, notes: str) -> Run:
    """Replaces the run's notes."""
    return edit_run(run, notes=notes)


@transaction.atomic
def set_params(run: Run, params: Mapping[str, Any]) -> Run:
    """Adds params. A param keeps its first value: Conflict names those given another one, or which
    become objects of values, or were."""
    leaves = flat.flatten(params)
    locked = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    known = {leaf.key: leaf for leaf in flat.flatten(locked.params)}
    changed = [leaf.key for leaf in leaves if leaf.key in known and known[leaf.key] != leaf]
    changed += sorted(flat.reshaped(locked.params, params))
    if changed:
        raise Conflict(
            "A param cannot change once it is recorded: start a new run.",
            code="param_changed",
            fields={f"params.{key}": ["Has another value already."] for key in changed[:50]},
        )
    run.params = flat.merge(locked.params, params)
    merged = flat.flatten(run.params)  # limits hold for old and new together
    run.save(update_fields=["params"])
    flat.write(run.pk, run.project_id, [leaf for leaf in merged if leaf.key not in known])
    return run


@transaction.atomic
def set_summary(run: Run, summary: Mapping[str, Any]) -> Run:
    """Lays final values over the run's summary, key by key."""
    locked = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    problems = Problems()
    run.summary = checked_document("summary", flat.merge(locked.summary, summary), problems)
    problems.check()
    run.save(update_fields=["summary"])
    return run


def set_environment(run: Run, environment: Mapping[str, Any]) -> Run:
    """Replaces what is known about where the run was executed."""
    problems = Problems()
    run.environment = checked_document("environment", environment, problems)
    problems.check()
    run.save(update_fields=["environment"])
    return run
