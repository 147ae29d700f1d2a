"""MAML and first-order MAML (Finn, Abbeel, Levine 2017, arXiv:1703.03400, Algorithm 1)."""

from __future__ import annotations

from worker.metalearning.adaptation import Formulation, adapt, pulled_back, repeated
from worker.metalearning.algorithms.base import Crew, GradientDescent, Metrics, Sums
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.tracing.formulation import Traced


class Maml(GradientDescent):
    """Outer gradient d/dtheta mean_i L_query_i(phi_i), phi_i adapted on the support set.

    First order takes dphi/dtheta = 1 (section 5.2), which leaves dL_query/dphi.
    """

    def __init__(
        self, formulation: Formulation, crew: Crew, *, lr: float, steps: int, second_order: bool
    ) -> None:
        super().__init__(formulation, lr=lr)
        self.crew = crew
        self.steps = steps
        self.second_order = second_order

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes; `support_loss` is before adaptation, `query_loss` after."""
        return self.crew.mean(batch, lambda part: self._sums(params, part))

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        if isinstance(self.formulation, Traced):
            return self._traced_sums(self.formulation, params, part)
        sums = Sums()
        adapted = adapt(
            self.formulation, repeated(params, len(part)), part.support_x, part.support_y,
            lr=self.lr, steps=self.steps, second_order=self.second_order,
        )  # fmt: skip
        query = self.formulation.gradients(
            adapted.params, part.query_x, part.query_y, second_order=False
        )
        gradient = query.gradients
        if self.second_order:
            gradient = pulled_back(gradient, adapted, self.lr)
        sums.add_gradient(gradient)
        sums.add_metrics(query_loss=query.losses)
        if adapted.steps:
            sums.add_metrics(support_loss=adapted.steps[0].losses)
        sums.add_accuracy(query.outputs, part.query_y)
        return sums

    def _traced_sums(self, formulation: Traced, params: Parameters, part: EpisodeBatch) -> Sums:
        """The same numbers from one graph."""
        found = formulation.descent(
            params, part, lr=self.lr, steps=self.steps, second_order=self.second_order
        )
        sums = Sums()
        sums.gradient = found.gradient
        sums.add_metrics(query_loss=found.query_losses)
        if found.support_losses is not None:
            sums.add_metrics(support_loss=found.support_losses)
        sums.add_accuracy(found.query_outputs, part.query_y)
        return sums
