"""Which evaluation, metric and inner step a page of episodes asks for."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from dashboard.requests import SignedIn
from dashboard.run_facts import latest_evaluation
from dashboard.scope import number_in
from experiments import reading
from experiments.axes import EpisodeAxis
from experiments.comparing.statistics import Metric
from experiments.comparing.verdict import trained_steps
from experiments.errors import NotFound
from experiments.models import Evaluation, Run
from experiments.shapes import Episodes, FloatArray

MOST_INNER_STEPS = 1_000


@dataclass(frozen=True, eq=False)
class EpisodesQuery:
    """`?evaluation=ID&of=loss|accuracy&k=3`; what is not asked for is the latest evaluation, the
    metric that says most, and the inner step trained with."""

    evaluation: Evaluation
    metric: Metric
    inner_step: int

    @classmethod
    def of(cls, request: SignedIn, run: Run) -> "EpisodesQuery":
        """Raises NotFound for an evaluation that the run does not have, Invalid for a bad step."""
        wanted = request.GET.get("evaluation", "")
        found = run.evaluations.filter(pk=wanted).first() if wanted else latest_evaluation(run)
        if found is None:
            raise NotFound(f"The run {run.name} has no evaluation {wanted[:40]}.")
        return cls.about(request, found)

    @classmethod
    def about(cls, request: SignedIn, evaluation: Evaluation) -> "EpisodesQuery":
        """The same of an evaluation that is known."""
        most = min(evaluation.inner_steps, MOST_INNER_STEPS)
        trained = trained_steps(evaluation)
        asked = number_in(request, "k", default=trained or most, least=0, most=MOST_INNER_STEPS)
        step = min(asked, most)  # the same address may choose another evaluation
        has_accuracy = "accuracy" in evaluation.summary
        wants_loss = request.GET.get("of") == "loss"
        metric: Metric = "accuracy" if has_accuracy and not wants_loss else "loss"
        return cls(evaluation, metric, step)

    @cached_property
    def episodes(self) -> Episodes:
        return reading.episodes(self.evaluation)

    @property
    def table(self) -> FloatArray:
        """The metric of every episode by inner step: (N, S + 1)."""
        found = self.episodes
        if self.metric == "accuracy" and found.accuracies is not None:
            return found.accuracies
        return found.losses

    @property
    def values(self) -> FloatArray:
        """The metric of every episode after the inner step: (N,)."""
        return self.table[:, self.inner_step]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the evaluation measured."""
        return ("accuracy", "loss") if "accuracy" in self.evaluation.summary else ("loss",)

    @property
    def axis(self) -> EpisodeAxis:
        return self.evaluation.axis

    @property
    def step_choices(self) -> list[tuple[int, str]]:
        """Values and titles of the control."""
        return [(step, f"after {step}" if step else self.axis.start) for step in self.steps]

    @property
    def scored(self) -> str:
        """ "after 5 inner steps", "before any example"."""
        return self.axis.after(self.inner_step)

    @property
    def steps(self) -> range:
        return range(min(self.evaluation.inner_steps, MOST_INNER_STEPS) + 1)

    def query(self, **more: str) -> str:
        """What of an address says the same."""
        asked = {"evaluation": self.evaluation.pk, "of": self.metric, "k": str(self.inner_step)}
        return "?" + urlencode({**asked, **more}, safe=":")
