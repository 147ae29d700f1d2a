"""A learned optimizer beside the hand-made ones that its run tried on the same problems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.charts import theme
from dashboard.charts.adaptation import AdaptationLine
from dashboard.comparison.numbers import difference_text, p_text
from dashboard.episodes.tables import ChartTable
from dashboard.measured import at_step, measured
from dashboard.templatetags.formats import figures
from experiments import reading
from experiments.comparing.statistics import holm, paired
from experiments.comparing.verdict import trained_steps
from experiments.models import Evaluation, Run

PREFIX = "hand-made "  # of the evaluations' names, as worker/metalearning/optimizing/ has it
LEARNED = "learned"
TABLE_STEPS = 21
ALPHA = 0.05
DASHES = ("2px,2px", "6px,3px", "9px,3px,2px,3px", "12px,4px")


@dataclass(frozen=True)
class RaceRow:
    """One hand-made optimizer at one step: its loss, and the learned one's less it."""

    name: str
    rate: str
    step: int
    loss: str
    learned: str
    difference: str
    interval: str
    p: str
    word: str
    wins: int  # problems on which the learned one is better
    count: int


@dataclass(frozen=True, eq=False)
class Race:
    """The test of a learned optimizer, and those of the hand-made ones at the same meta-step."""

    learned: Evaluation
    opponents: tuple[Evaluation, ...]

    @property
    def horizon(self) -> int:
        """Optimizer steps that it was trained for; 0 where that is not known."""
        return trained_steps(self.learned) or 0

    @property
    def last(self) -> int:
        """The last step that all were scored after."""
        return min(one.inner_steps for one in (self.learned, *self.opponents))

    @property
    def steps(self) -> list[int]:
        """Where they are compared: at the horizon and at the end."""
        return sorted({step for step in (self.horizon, self.last) if 0 < step <= self.last})


def race_of(run: Run) -> Race | None:
    """The newest test of a run with its opponents; None where none were tried."""
    found = hand_made_of([run.pk]).get(run.pk)
    learned = run.evaluations.filter(name="test").order_by("-step").first()
    if not found or learned is None:
        return None
    return Race(learned, tuple(found))


def hand_made_of(run_ids: Sequence[str]) -> dict[str, list[Evaluation]]:
    """The hand-made optimizers that runs tried, the newest of each, by their names."""
    rows = Evaluation.objects.filter(run__in=run_ids, name__startswith=PREFIX)
    newest: dict[tuple[str, str], Evaluation] = {}
    for one in rows.order_by("step"):
        newest[one.run_id, one.name] = one
    found: dict[str, list[Evaluation]] = {}
    for (run_id, _), one in sorted(newest.items()):
        found.setdefault(run_id, []).append(one)
    return found


def race_lines(race: Race, slot: int) -> list[AdaptationLine]:
    """The learned optimizer in its run's colour, each other one in one of its own."""
    learned = AdaptationLine(reading.adaptation(race.learned), LEARNED, slot)
    return [learned, *opponent_lines(race.opponents, taken=[slot])]


def opponent_lines(
    opponents: Sequence[Evaluation], *, taken: Sequence[int]
) -> list[AdaptationLine]:
    """Hand-made optimizers as broken lines, in colours that are not taken."""
    free = [slot for slot in range(1, theme.RUN_SLOTS + 1) if slot not in taken] or [1]
    return [
        AdaptationLine(
            reading.adaptation(one),
            f"{title_of(one)}, rate {rate_of(one)}",
            free[place % len(free)],
            DASHES[place % len(DASHES)],
        )
        for place, one in enumerate(opponents)
    ]


def title_of(evaluation: Evaluation) -> str:
    """ "Adam" of "hand-made Adam"."""
    return evaluation.name.removeprefix(PREFIX)


def rate_of(evaluation: Evaluation) -> str:
    """The rate it was tuned to."""
    rate = evaluation.protocol.get("inner_lr")
    return figures(rate) if isinstance(rate, int | float) else "unknown"


def race_rows(race: Race) -> list[RaceRow]:
    """Paired on the problems that both were tried on; p values by Holm over all rows."""
    mine = reading.episodes(race.learned)
    pairs = [
        (one, step, paired(reading.episodes(one), mine, inner_step=step))
        for step in race.steps
        for one in race.opponents
    ]
    adjusted = iter(holm([pair.p_value for _, _, pair in pairs if pair.p_value is not None]))
    rows = []
    for one, step, pair in pairs:
        p = None if pair.p_value is None else next(adjusted)
        text = difference_text(pair)
        is_clear = p is not None and p < ALPHA and pair.interval.excludes_zero
        word = "no clear difference"
        if is_clear and not pair.favours_a_diverged_run:
            word = "learned is better" if pair.favours_b else "learned is worse"
        rows.append(
            RaceRow(
                name=title_of(one),
                rate=rate_of(one),
                step=step,
                loss=str(at_step(one.summary.get("loss"), step, "loss")),
                learned=str(at_step(race.learned.summary.get("loss"), step, "loss")),
                difference=text.signed,
                interval=text.interval,
                p="" if p is None else p_text(p, len(pairs)),
                word=word,
                wins=pair.wins,
                count=pair.count,
            )
        )
    return rows


def race_table(lines: Sequence[AdaptationLine]) -> ChartTable | None:
    """The curves as numbers: a row a step, evenly thinned out, the horizon among them."""
    if not lines:
        return None
    last = min(len(one.curve.mean) for one in lines) - 1
    places = set(np.linspace(0, last, min(last + 1, TABLE_STEPS)).astype(int).tolist())
    places |= {step for one in lines if (step := one.curve.trained_inner_steps or 0) <= last}
    rows = tuple(
        (step, *(str(measured(one.curve.mean[step], one.curve.half_width[step])) for one in lines))
        for step in sorted(places)
    )
    return ChartTable(("step", *(one.name for one in lines)), rows, 0)
