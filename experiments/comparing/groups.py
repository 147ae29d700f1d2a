"""Runs that are one method: the same in everything but the seed, of one named group, or alike in
any fields."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from experiments import reading
from experiments.comparing import documents
from experiments.models import Project, Run
from experiments.params_hash import SEED

# One of BYS, or fields as run tables group by them: "params.lr,tags.dataset", a comma in a name
# written %2C.
By = str
BYS: tuple[By, ...] = ("run", "seedless", "group")

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
    the same project and `Run.group`; a run of none is on its own. "run": each is. Fields: of the
    same project, with the same in all of them, as the run table groups. Groups of one name are told
    apart by the number of their first run. Raises Invalid for what is none of these.
    """
    if by not in BYS:
        return _by_fields(runs, fields_in(by))
    found: dict[Any, list[Run]] = {}
    for run in runs:
        found.setdefault(_identity(run, by), []).append(run)
    names = [_name(some, by) for some in found.values()]
    return tuple(
        _group(some, f"{name} #{some[0].number}" if names.count(name) > 1 else name)
        for name, some in zip(names, found.values(), strict=True)
    )


def fields_in(by: By) -> tuple[str, ...]:
    """The names of fields in a `By` that is none of BYS. Raises Invalid naming one that is none."""
    names = tuple(dict.fromkeys(unquote(one) for one in by.split(",") if one))
    reading.check_grouped(names)
    return names


def _by_fields(runs: Sequence[Run], names: Sequence[str]) -> tuple[Group, ...]:
    ids: dict[Project, list[str]] = {}
    for run in runs:
        ids.setdefault(run.project, []).append(run.pk)
    values: dict[str, tuple[str | None, ...]] = {}
    for project, own in ids.items():
        values |= reading.held_in(project, names, own)
    found: dict[Any, list[Run]] = {}
    for run in runs:
        found.setdefault((run.project_id, values[run.pk]), []).append(run)
    titles = [_told(names, held) for _, held in found]
    return tuple(
        _group(some, f"{title} #{some[0].number}" if titles.count(title) > 1 else title, _training)
        for title, some in zip(titles, found.values(), strict=True)
    )


def _told(names: Sequence[str], held: Sequence[str | None]) -> str:
    """ "lr 0.1, dataset omniglot" """
    pairs = zip(names, held, strict=True)
    return ", ".join(f"{name.partition('.')[2] or name} {value or 'none'}" for name, value in pairs)


def seed_of(run: Run) -> int | None:
    """The seed it was made with, where that was recorded."""
    if run.seed is not None:
        return run.seed
    found = run.params.get(SEED)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def are_paired(a: Sequence[int | None], b: Sequence[int | None]) -> bool:
    """Whether each run of either group has one of the other with its seed: all recorded, none
    twice."""
    return None not in a and set(a) == set(b) and len(set(a)) == len(a) == len(b)


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


def _training(run: Run) -> Any:
    """What is one training of a run whose group may hold several of a seed."""
    return _identity(run, "seedless"), seed_of(run)


def _group(runs: Sequence[Run], name: str, training: Callable[[Run], Any] = seed_of) -> Group:
    newest: dict[Any, str] = {}
    for run in sorted(runs, key=lambda run: run.pk):
        newest[run.pk if seed_of(run) is None else training(run)] = run.pk
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
