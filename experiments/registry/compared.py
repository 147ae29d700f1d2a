"""Versions of a model side by side: what their runs were told and measured, and their files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments import reading
from experiments.checks import invalid
from experiments.comparing import documents, metrics, trees
from experiments.comparing.documents import Row
from experiments.comparing.metrics import NumberRow, Stat
from experiments.comparing.trees import TreeDiff
from experiments.directions import MACHINE, Direction, direction_of_name
from experiments.models import ModelVersion, RegisteredModel, Run
from experiments.registry import origins, versions
from experiments.registry.origins import Shut
from experiments.shapes import SeriesSummary

LEAST, MOST = 2, 10


@dataclass(frozen=True)
class Comparison:
    """Everything by the place of its version; the first is what the others are compared with.

    `runs` has None where the run is gone or not the reader's to see; `files` where a version has
    none here, and for the first.
    """

    versions: tuple[ModelVersion, ...]
    runs: tuple[Run | None, ...]
    params: tuple[Row, ...]
    metrics: tuple[NumberRow, ...]
    files: tuple[TreeDiff | None, ...]

    @property
    def run_ids(self) -> list[str]:
        """Of the runs that are there, each once."""
        return list(dict.fromkeys(run.pk for run in self.runs if run))


def numbers(text: str) -> list[int]:
    """The numbers of "3,1,2", each once, in order. Raises Invalid."""
    words = list(dict.fromkeys(filter(None, text.split(","))))
    known = all(re.fullmatch(r"[0-9]{1,9}", word) for word in words)
    if not known or not LEAST <= len(words) <= MOST:
        raise invalid("versions", f"is {text[:60]!r}: use {LEAST} to {MOST} numbers, as in 1,3.")
    return [int(word) for word in words]


def compare(
    model: RegisteredModel, wanted: Sequence[int], shut: Shut, stat: Stat = "last"
) -> Comparison:
    """These versions, for a reader who is shut out of these projects. Raises NotFound."""
    found = [versions.find(model.workspace, model.name, str(number)) for number in wanted]
    by_version = origins.runs_of(found, shut)
    runs = [by_version.get(one.pk) for one in found]
    params = [run.params if run else None for run in runs]
    return Comparison(
        versions=tuple(found),
        runs=tuple(runs),
        params=tuple(documents.rows(params)),
        metrics=tuple(_metrics(runs, stat)),
        files=tuple(_files(found[0], one, shut) for one in found),
    )


def _metrics(runs: Sequence[Run | None], stat: Stat) -> list[NumberRow]:
    found = reading.series_summaries([run.pk for run in runs if run])
    nothing: Mapping[str, SeriesSummary] = {}
    of_runs = [found[run.pk] if run else nothing for run in runs]
    keys = sorted(
        {key for one in of_runs for key in one},
        key=lambda key: (key.startswith(MACHINE), metrics.natural(key)),
    )
    return [
        metrics.row(key, direction_of(key, runs), of_runs, stat=stat, baseline=0) for key in keys
    ]


def direction_of(key: str, runs: Sequence[Run | None]) -> Direction:
    """Whether lower or higher is better: what a project says of its main metric, else by name."""
    for run in runs:
        if run and run.project.main_metric == key:
            return "max" if run.project.main_metric_direction == "max" else "min"
    return direction_of_name(key)


def _files(first: ModelVersion, other: ModelVersion, shut: Shut) -> TreeDiff | None:
    if first.pk == other.pk or any(origins.is_hidden(one, shut) for one in (first, other)):
        return None
    old, old_folder = origins.files_of(first, shut)
    new, new_folder = origins.files_of(other, shut)
    if old is None or new is None:
        return None
    return trees.compare(old, new, old_folder=old_folder, new_folder=new_folder)
