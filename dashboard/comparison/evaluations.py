"""Which evaluation of each compared run counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.comparison.selection import Selection
from dashboard.measured import Measured, at_step
from experiments.axes import EpisodeAxis, common_axis
from experiments.comparing import evaluations
from experiments.comparing.statistics import IntervalMethod, Metric
from experiments.comparing.verdict import default_steps, trained_steps
from experiments.models import Evaluation

TRAINED = "trained"


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The evaluations called `name`, the newest of each run; None for runs without one."""

    name: str
    names: tuple[str, ...]
    by_run: Mapping[str, Evaluation | None]
    metric: Metric
    metrics: tuple[Metric, ...]
    inner_step: int | None  # None: each run after the steps it was trained with
    most_steps: int
    interval: IntervalMethod

    @property
    def present(self) -> dict[str, Evaluation]:
        return {run_id: one for run_id, one in self.by_run.items() if one is not None}

    @property
    def steps(self) -> dict[str, int]:
        """After how many inner steps each run is scored."""
        if self.inner_step is None:
            return default_steps(self.present)
        return dict.fromkeys(self.present, self.inner_step)

    @property
    def axis(self) -> EpisodeAxis:
        """What the columns of all count."""
        return common_axis(one.axis for one in self.present.values())

    @property
    def scored(self) -> str:
        """After how much each run is scored, in words."""
        if self.inner_step is not None:
            return self.axis.after(self.inner_step)
        return f"each run after the {self.axis.many} it was trained with"

    @property
    def step_choices(self) -> list[tuple[str, str]]:
        """Values and titles of the inner-step control."""
        steps = [
            (str(n), self.axis.count(n) if n else self.axis.start)
            for n in range(self.most_steps + 1)
        ]
        return [(TRAINED, "as trained"), *steps]


@dataclass(frozen=True)
class StepCell:
    """A run after one inner step."""

    value: Measured
    is_trained: bool


def step_rows(selection: Selection, found: Evaluated) -> list[tuple[int, list[StepCell]]]:
    """The means by inner step of every run that has the evaluation, as stored with it."""
    present = [one for run_id in selection.ids if (one := found.by_run[run_id]) is not None]
    longest = max((one.inner_steps for one in present), default=-1)
    return [
        (step, [_cell(one, found.metric, step) for one in present]) for step in range(longest + 1)
    ]


def _cell(evaluation: Evaluation, metric: Metric, step: int) -> StepCell:
    return StepCell(
        value=at_step(evaluation.summary.get(metric), step, metric),
        is_trained=trained_steps(evaluation) == step,
    )


def evaluated(selection: Selection) -> Evaluated:
    """The evaluations that the controls ask for; what cannot be falls back to what can."""
    names = evaluations.names(selection.ids)
    wanted = selection.controls.get("evaluation", evaluations.PREFERRED)
    name = wanted if wanted in names else (names[0] if names else evaluations.PREFERRED)
    by_run = evaluations.chosen(selection.ids, name, baseline_id=selection.baseline.run.pk)
    present = {run_id: one for run_id, one in by_run.items() if one is not None}
    metrics = evaluations.metrics(list(present.values()))
    step = evaluations.at(present, selection.controls.get("step", TRAINED))
    metric = next((one for one in metrics if one == selection.controls.get("metric")), metrics[0])
    interval: IntervalMethod = (
        "bootstrap" if selection.controls.get("interval") == "bootstrap" else "t"
    )
    most = evaluations.most_steps(present)
    return Evaluated(name, tuple(names), by_run, metric, metrics, step, most, interval)
