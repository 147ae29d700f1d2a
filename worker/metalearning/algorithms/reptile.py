"""Reptile (Nichol, Achiam, Schulman 2018, arXiv:1803.02999, Algorithm 2)."""

from __future__ import annotations

from worker.metalearning.adaptation import Formulation, adapt, losses_of, repeated
from worker.metalearning.algorithms.base import Crew, GradientDescent, Metrics, Sums
from worker.metalearning.episodes import EpisodeBatch, Objective
from worker.metalearning.networks import Parameters


class Reptile(GradientDescent):
    """Outer gradient mean_i (theta - phi_i) / lr: the sum of the inner gradients.

    The paper's section 3 divides by the inner step size when an optimizer such as Adam takes the
    outer step; with SGD of rate epsilon * lr it is theta + epsilon mean_i (phi_i - theta).
    The inner loop sees the support set only, so that K means the same as for MAML.
    """

    def __init__(self, formulation: Formulation, crew: Crew, *, lr: float, steps: int) -> None:
        super().__init__(formulation, lr=lr)
        self.crew = crew
        self.steps = steps

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes; the query set is only looked at."""
        return self.crew.mean(batch, lambda part: self._sums(params, part))

    def _sums(self, params: Parameters, part: EpisodeBatch) -> Sums:
        sums = Sums()
        adapted = adapt(
            self.formulation, repeated(params, len(part)), part.support_x, part.support_y,
            lr=self.lr, steps=self.steps, second_order=False,
        )  # fmt: skip
        sums.add_gradient(
            {name: (params[name] - phi) / self.lr for name, phi in adapted.params.items()}
        )
        outputs = self.formulation.outputs(adapted.params, part.query_x)
        objective: Objective = "mse" if part.query_y.is_floating_point() else "cross_entropy"
        sums.add_metrics(query_loss=losses_of(outputs, part.query_y, objective))
        if adapted.steps:
            sums.add_metrics(support_loss=adapted.steps[0].losses)
        sums.add_accuracy(outputs, part.query_y)
        return sums
