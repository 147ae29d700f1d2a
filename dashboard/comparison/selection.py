"""Which runs are compared, how each looks, and everything else that the address says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from dashboard.charts.theme import DASHES, RUN_SLOTS
from dashboard.requests import SignedIn
from experiments.errors import NotFound
from experiments.models import Run

Word = TypeVar("Word", bound=str)

LEAST, MOST = 2, 10
LETTERS = "ABCDEFGHIJ"
# Every control of the page; the address may carry others, which are dropped.
CONTROLS = (
    "baseline", "by", "evaluation", "metric", "step", "interval", "pair", "smooth", "x", "log",
    "hide", "metrics", "differs", "search", "old", "new", "code", "file", "view", "ws", "context",
    "stat", "logy", "zoom", "zoomy", "value",
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """A run with its letter, colour slot (1 to 10) and dash, the same in every section."""

    run: Run
    letter: str
    slot: int
    dash: str
    is_baseline: bool

    @property
    def label(self) -> str:
        """ "A maml-s0": how charts name it."""
        return f"{self.letter} {self.run.name}"


@dataclass(frozen=True)
class Selection:
    """The runs in the order asked for, and the page's controls as text."""

    compared: tuple[Compared, ...]
    controls: Mapping[str, str]

    @property
    def runs(self) -> list[Run]:
        return [one.run for one in self.compared]

    @property
    def ids(self) -> list[str]:
        return [one.run.pk for one in self.compared]

    @property
    def baseline(self) -> Compared:
        return next(one for one in self.compared if one.is_baseline)

    @property
    def baseline_place(self) -> int:
        return self.compared.index(self.baseline)

    @property
    def others(self) -> list[Compared]:
        return [one for one in self.compared if not one.is_baseline]

    @property
    def is_live(self) -> bool:
        """A run may still bring new numbers."""
        return not all(one.run.is_finished for one in self.compared)

    @property
    def hidden(self) -> set[str]:
        """Letters of runs that charts leave out."""
        return set(self.controls.get("hide", "").split(",")) & set(LETTERS)

    @property
    def drawn(self) -> list[Compared]:
        """The runs that charts show."""
        return [one for one in self.compared if one.letter not in self.hidden]

    def get(self, name: str, choices: Sequence[Word]) -> Word:
        """A control with a fixed set of values; the first of them when it has another."""
        value = self.controls.get(name, "")
        return next((one for one in choices if one == value), choices[0])

    def by_id(self, run_id: str) -> Compared | None:
        """The compared run of that id."""
        return next((one for one in self.compared if one.run.pk == run_id), None)

    def query(self, **changes: str) -> str:
        """The address of this view with some controls changed; an empty text drops one."""
        asked = {"runs": ",".join(self.ids), **self.controls, **changes}
        return "?" + urlencode({key: value for key, value in asked.items() if value}, safe=",/")

    def chart_query(self, **asked: str) -> str:
        """What a figure's address carries; scripts add the controls that charts follow."""
        return "?" + urlencode({"runs": ",".join(self.ids), **asked}, safe=",/:")


def run_ids(asked: QueryDict) -> list[str]:
    """The ids of `?runs=a,b&runs=c`, each once, in order."""
    return list(dict.fromkeys(filter(None, ",".join(asked.getlist("runs")).split(","))))


def selection_of(request: SignedIn, asked: QueryDict | None = None) -> Selection:
    """The runs of the address, or of what was `asked`.

    Raises NotFound for one that is not there for this reader.
    """
    source = request.GET if asked is None else asked
    ids = run_ids(source)[:MOST]
    found = found_runs(request, ids)
    controls = {name: str(source[name]) for name in CONTROLS if source.get(name)}
    return Selection(looks([found[run_id] for run_id in ids], controls.get("baseline")), controls)


def found_runs(request: SignedIn, ids: Sequence[str]) -> dict[str, Run]:
    """The runs of these ids that the reader may see. Raises NotFound naming one that is missing."""
    rows = Run.objects.visible_to(request.user).select_related("project__workspace", "snapshot")
    found = rows.in_bulk(ids)
    missing = next((run_id for run_id in ids if run_id not in found), None)
    if missing is not None:
        raise NotFound(f"There is no run {missing[:40]}, or it is not yours to see.")
    return found


def looks(runs: Sequence[Run], baseline: str | None) -> tuple[Compared, ...]:
    """The runs as a comparison shows them, each in its colour slot; where two share one, the later
    takes the next free one."""
    known = {run.pk for run in runs}
    first = baseline if baseline in known else runs[0].pk if runs else None
    taken: set[int] = set()
    compared = []
    for place, run in enumerate(runs):
        slot = run.color_slot
        while slot in taken:
            slot = slot % RUN_SLOTS + 1
        taken.add(slot)
        dash = DASHES[place % len(DASHES)]
        compared.append(Compared(run, LETTERS[place], slot, dash, run.pk == first))
    return tuple(compared)
