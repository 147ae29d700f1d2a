"""Which runs are compared, how each looks, and everything else that the address says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from dashboard.charts.learning_curves import FEW
from dashboard.charts.theme import DASHES, RUN_SLOTS
from dashboard.comparison.run_names import found_by_name, run_names, short_text
from dashboard.requests import SignedIn
from experiments.errors import NotFound
from experiments.models import Run

Word = TypeVar("Word", bound=str)

LEAST, MOST = 2, 100
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Every control of the page; the address may carry others, which are dropped.
CONTROLS = (
    "baseline", "by", "evaluation", "metric", "step", "interval", "pair", "smooth", "x", "log",
    "hide", "metrics", "differs", "search", "old", "new", "code", "file", "view", "ws", "context",
    "stat", "logy", "zoom", "zoomy", "value", "folds", "bands", "over", "logx", "clip", "share",
    "rx", "ry", "stream", "unfold", "rows", "media", "mstep", "mview", "mpage", "tree",
    "pfolds", "of",
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """A run with its letter, colour slot (1 to 20) and dash, the same in every section."""

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
    # What an address says beside the controls, where its path does not name the runs alone.
    place: Mapping[str, str] | None = None

    @property
    def runs(self) -> list[Run]:
        return [one.run for one in self.compared]

    @property
    def ids(self) -> list[str]:
        return [one.run.pk for one in self.compared]

    @property
    def of(self) -> int:
        """How many runs there were to compare, where these are a part of them; else 0."""
        text = self.controls.get("of", "")
        count = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
        return count if count > len(self.compared) else 0

    @property
    def is_many(self) -> bool:
        """More than ten: too many for eyes to keep apart without pointing at one."""
        return len(self.compared) > FEW

    @cached_property
    def address(self) -> str:
        """What `runs=` says of the runs."""
        return short_text(self.runs)

    @property
    def named(self) -> Mapping[str, str]:
        """What of an address says which page of which runs it is."""
        return {"runs": self.address} if self.place is None else self.place

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
        letters = {one.letter for one in self.compared}
        return set(self.controls.get("hide", "").split(",")) & letters

    @property
    def drawn(self) -> list[Compared]:
        """The runs that charts show."""
        hidden = self.hidden
        return [one for one in self.compared if one.letter not in hidden]

    def get(self, name: str, choices: Sequence[Word]) -> Word:
        """A control with a fixed set of values; the first of them when it has another."""
        value = self.controls.get(name, "")
        return next((one for one in choices if one == value), choices[0])

    def by_id(self, run_id: str) -> Compared | None:
        """The compared run of that id."""
        return next((one for one in self.compared if one.run.pk == run_id), None)

    def query(self, **changes: str) -> str:
        """The address of this view with some controls changed; an empty text drops one."""
        asked = {**self.named, **self.controls, **changes}
        return "?" + urlencode({key: value for key, value in asked.items() if value}, safe=",/:")

    def chart_query(self, **asked: str) -> str:
        """What a figure's address carries; scripts add the controls that charts follow."""
        return "?" + urlencode({"runs": self.address, **asked}, safe=",/:")


def selection_of(
    request: SignedIn, asked: QueryDict | None = None, *, documents: bool = True
) -> Selection:
    """The runs of the address, or of what was `asked`; charts do without the `documents` of runs.

    Raises NotFound for one that is not there for this reader.
    """
    source = request.GET if asked is None else asked
    found = found_runs(request, run_names(source)[:MOST], documents=documents)
    controls = {name: str(source[name]) for name in CONTROLS if source.get(name)}
    return Selection(looks(list(found.values()), controls.get("baseline")), controls)


def alone(request: SignedIn, run: Run, place: Mapping[str, str]) -> Selection:
    """A single run with the controls of the address, for sections that its own page shares with
    comparisons; `place` is what else its address says."""
    controls = {name: request.GET[name] for name in CONTROLS if request.GET.get(name)}
    return Selection(looks([run], None), controls, place)


def found_runs(
    request: SignedIn, names: Sequence[str], *, documents: bool = True
) -> dict[str, Run]:
    """The runs of these names that the reader may see, by id, in order. Raises NotFound naming one
    that is missing."""
    rows = Run.objects.visible_to(request.user).select_related("project__workspace", "snapshot")
    found = found_by_name(rows if documents else rows.without_documents(), names)
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise NotFound(f"There is no run {missing[:40]}, or it is not yours to see.")
    return {found[name].pk: found[name] for name in names}


def looks(runs: Sequence[Run], baseline: str | None) -> tuple[Compared, ...]:
    """The runs as a comparison shows them, each in its colour slot. A colour that was chosen is
    kept, also where two runs share it; of the others the later of two takes the next that is free,
    after ten one of the second shade. Few runs all differ in their dash; of many those that share
    a colour do."""
    known = {run.pk for run in runs}
    first = baseline if baseline in known else runs[0].pk if runs else None
    used = Counter(run.color for run in runs if run.color)
    seen: Counter[int] = Counter()
    compared = []
    for place, run in enumerate(runs):
        slot = run.color or _slot(run.color_slot, used)
        dash = DASHES[(seen[slot] if len(runs) > FEW else place) % len(DASHES)]
        used[slot] += not run.color
        seen[slot] += 1
        compared.append(Compared(run, letter(place), slot, dash, run.pk == first))
    return tuple(compared)


def _slot(own: int, used: Counter[int]) -> int:
    ring = [(own - 1 + step) % RUN_SLOTS + 1 for step in range(RUN_SLOTS)]
    return min(ring + [slot + RUN_SLOTS for slot in ring], key=lambda slot: used[slot])


def letter(place: int) -> str:
    """A to Z, then AA, AB."""
    more, last = divmod(place, len(LETTERS))
    return (letter(more - 1) if more else "") + LETTERS[last]
