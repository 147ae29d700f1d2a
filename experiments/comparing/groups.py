"""Runs that are one method: the same in everything but the seed, or of one named group."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from experiments.comparing import documents
from experiments.models import Run

By = Literal["run", "seedless", "group"]
BYS: tuple[By, ...] = ("run", "seedless", "group")

SEED = "seed"  # the param; `Run.seed` is the same number where both are there
# What a name ends with when it counts seeds: "maml-s0", "maml seed=3", "maml_2".
_COUNTED = re.compile(r"[-_ .]*(s|seed)?[-_ =:]*\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Group:
    """`run_ids` and `seeds` (None: not recorded) in the order asked for.

    `superseded` are runs of a seed that a newer run of the group has too: one training counts once.
    """

    name: str
    run_ids: tuple[str, ...]
    seeds: tuple[int | None, ...]
    superseded: tuple[str, ...]

    @property
    def key(self) -> str:
        """The id of its first run, which names the group in addresses."""
        return (self.run_ids + self.superseded)[0]


def group(runs: Sequence[Run], by: By) -> tuple[Group, ...]:
    """The groups in the order of their first runs.

    "seedless": of one project, with the same code and the same params but for `seed`. "group": of
    the same project and `Run.group`; a run of none is on its own. "run": each is. Groups of one
    name are told apart by the number of their first run.
    """
    found: dict[Any, list[Run]] = {}
    for run in runs:
        found.setdefault(_identity(run, by), []).append(run)
    names = [_name(some, by) for some in found.values()]
    return tuple(
        _group(some, f"{name} #{some[0].number}" if names.count(name) > 1 else name)
        for name, some in zip(names, found.values(), strict=True)
    )


def seed_of(run: Run) -> int | None:
    """The seed it was made with, where that was recorded."""
    if run.seed is not None:
        return run.seed
    found = run.params.get(SEED)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def differences(a: Run, b: Run) -> list[str]:
    """The dotted keys of the params that differ, but for the seed; "code" where the sources do."""
    rows = documents.rows([a.params, b.params])
    keys = [row.key for row in rows if row.differs and row.key != SEED]
    return [*keys, "code"] if a.snapshot_id != b.snapshot_id else keys


def usual(runs: Sequence[Run]) -> By:
    """By what runs are compared when nobody says: by method, where each has several seeds."""
    found = group(runs, "seedless")
    several = len(found) > 1 and all(len(one.run_ids) > 1 for one in found)
    return "seedless" if several else "run"


def _identity(run: Run, by: By) -> Any:
    if by == "seedless":
        return run.project_id, run.snapshot_id, _without_seed(run.params)
    if by == "group" and run.group:
        return run.project_id, run.group
    return run.pk


def _without_seed(params: Mapping[str, Any]) -> str:
    return json.dumps({k: v for k, v in params.items() if k != SEED}, sort_keys=True)


def _group(runs: Sequence[Run], name: str) -> Group:
    newest: dict[Any, str] = {}
    for run in sorted(runs, key=lambda run: run.pk):
        seed = seed_of(run)
        newest[run.pk if seed is None else seed] = run.pk
    kept = [run for run in runs if run.pk in newest.values()]
    return Group(
        name=name,
        run_ids=tuple(run.pk for run in kept),
        seeds=tuple(seed_of(run) for run in kept),
        superseded=tuple(run.pk for run in runs if run not in kept),
    )


def _name(runs: Sequence[Run], by: By) -> str:
    if by == "group" and runs[0].group:
        return runs[0].group
    name = runs[0].name
    return name if len(runs) == 1 else _COUNTED.sub("", name) or name
