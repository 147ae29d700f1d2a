"""Runs in addresses: by their ids, or many in a short text by their numbers in their projects."""

import re
from collections.abc import Iterable, Iterator, Sequence

from django.http import QueryDict

from experiments.models import Run
from experiments.models.runs import RunQuerySet

LONG = 400  # characters of ids from which on numbers stand for them
MOST_NAMED = 1000  # of one address
_NUMBERS = re.compile(r"(?:([\w-]+/[\w-]+):)?(\d{1,9})(?:-(\d{1,9}))?")


def run_names(asked: QueryDict) -> list[str]:
    """The runs of `?runs=a,b&runs=lab/sinusoid:1-3,7`, each once, in order: ids as they are, the
    others as "lab/sinusoid:1". At most MOST_NAMED."""
    names: dict[str, None] = {}
    for name in _names(",".join(asked.getlist("runs")).split(",")):
        names[name] = None
        if len(names) == MOST_NAMED:
            break
    return list(names)


def found_by_name(rows: RunQuerySet, names: Sequence[str]) -> dict[str, Run]:
    """The runs of the query set that have these names, by name."""
    found = {**rows.in_bulk([name for name in names if ":" not in name])}
    numbers: dict[str, list[int]] = {}
    for name in names:
        if ":" in name:
            project, number = name.split(":")
            numbers.setdefault(project, []).append(int(number))
    for project, some in numbers.items():
        workspace, slug = project.split("/")
        there = rows.filter(project__workspace__slug=workspace, project__slug=slug)
        found |= {f"{project}:{run.number}": run for run in there.filter(number__in=some)}
    return found


def short_text(runs: Sequence[Run]) -> str:
    """What `runs=` says of them: ids, or numbers where those would be long."""
    ids = ",".join(run.pk for run in runs)
    return ids if len(ids) <= LONG else ",".join(_ranges(runs))


def _names(tokens: Iterable[str]) -> Iterator[str]:
    project = ""
    for token in filter(None, tokens):
        found = _NUMBERS.fullmatch(token)
        # Ids are longer than numbers.
        if found is None or not (found[1] or project):
            yield token.replace(":", "")
            continue
        project = found[1] or project
        first, last = int(found[2]), int(found[3] or found[2])
        direction = 1 if last >= first else -1
        # Not all of a hostile range: more than are taken anyway.
        last = min(last, first + MOST_NAMED) if direction > 0 else max(last, first - MOST_NAMED)
        for number in range(first, last + direction, direction):
            yield f"{project}:{number}"


def _ranges(runs: Sequence[Run]) -> Iterator[str]:
    project, place = "", 0
    while place < len(runs):
        end = _end_of_range(runs, place)
        own = _project(runs[place])
        prefix = "" if own == project else f"{own}:"
        project = own
        first, last = runs[place].number, runs[end].number
        yield f"{prefix}{first}" if first == last else f"{prefix}{first}-{last}"
        place = end + 1


def _end_of_range(runs: Sequence[Run], start: int) -> int:
    """The last run that follows the one before it by the same step of one, up or down."""
    end, step = start, 0
    while end + 1 < len(runs) and runs[end + 1].project_id == runs[end].project_id:
        next_step = runs[end + 1].number - runs[end].number
        if abs(next_step) != 1 or step not in (0, next_step):
            break
        end, step = end + 1, next_step
    return end


def _project(run: Run) -> str:
    return f"{run.project.workspace.slug}/{run.project.slug}"
