"""MAML with a richer inner loop: ANIL, Meta-SGD and MAML++.

ANIL adapts the last layer alone (Raghu et al. 2020, arXiv:1909.09157, section 4). Meta-SGD learns
a rate for every parameter (Li et al. 2017, arXiv:1707.09835, Algorithm 1). MAML++ is a set of
changes, each a switch (Antoniou, Edwards, Storkey 2019, arXiv:1810.09502, section 4): losses after
every step, annealed to the last (MSL); first order before second (DA); a rate for each layer and
step (LSLR); weights and biases of batch norm for each step (BNWB). Its cosine schedule of the outer
rate (CA) is `outer.schedule`. Its running statistics for each step (BNRS) are not needed here:
statistics are those of the set that is given, in training and test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from worker.metalearning.algorithms.base import Crew, Metrics, Sums
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.inner_loops import RATE, Backward, InnerLoop, LoopAdapter
from worker.metalearning.networks import Parameters

LEAST_WEIGHT = 0.03  # of an earlier step's loss, times 1/S: what annealing ends at


@dataclass(frozen=True)
class OuterLosses:
    """Which query losses are descended along, and by which order of derivative."""

    first_order_steps: int = 0  # meta-steps before second derivatives are taken (DA); -1: never
    annealed_over: int = 0  # meta-steps over which losses after all steps fade (MSL); 0: last only

    def second_order(self, step: int) -> bool:
        """At the meta-step of that number."""
        return 0 <= self.first_order_steps <= step

    def weights(self, steps: int, step: int) -> list[float]:
        """Of the losses after 1 to `steps` inner steps; their sum is 1.

        All begin at 1/S; those before the last fall linearly and end at 0.03/S, as the authors'
        code has it, so that the last gains what they lose.
        """
        if not self.annealed_over:
            return [0.0] * (steps - 1) + [1.0]
        share = 1 / steps
        earlier = max(share * (1 - step / self.annealed_over), LEAST_WEIGHT * share)
        return [earlier] * (steps - 1) + [1 - earlier * (steps - 1)]


class LearnedDescent:
    """Outer gradient of weighted query losses along an inner loop, by all its meta-parameters."""

    def __init__(self, loop: InnerLoop, crew: Crew, losses: OuterLosses) -> None:
        self.loop = loop
        self.crew = crew
        self.losses = losses

    def initial(self, params: Parameters) -> Parameters:
        """See InnerLoop."""
        return self.loop.initial(params)

    def adapter(self, steps: int, step_size: float | None = None) -> LoopAdapter:
        """The inner loop as it was learned; nothing about it is chosen afterwards."""
        return LoopAdapter(replace(self.loop, formulation=self.loop.formulation.at_test()), steps)

    def recorded(self, params: Parameters) -> dict[str, float]:
        """Learned rates: of each layer and step, or the mean of a layer's."""
        found: dict[str, float] = {}
        for name, rates in params.items():
            if not name.startswith(RATE):
                continue
            if self.loop.rates == "elementwise":
                found[name] = float(rates.mean())
            else:
                found |= {f"{name}/step_{i + 1}": float(rate) for i, rate in enumerate(rates)}
        return found

    def outer_gradient(
        self, params: Parameters, batch: EpisodeBatch, step: int = 0
    ) -> tuple[Parameters, Metrics]:
        """Mean over episodes; `support_loss` is before adaptation, `query_loss` after all of it."""
        return self.crew.mean(batch, lambda part: self._sums(params, part, step))

    def _sums(self, meta: Parameters, part: EpisodeBatch, step: int) -> Sums:
        sums = Sums()
        loop, episodes = self.loop, len(part)
        second_order = self.losses.second_order(step)
        weights = self.losses.weights(loop.steps, step)
        phi = loop.begin(meta, episodes)
        steps, queries = [], []
        for number, weight in enumerate(weights):
            phi = loop.at_step(meta, phi, number, episodes)
            phi, found = loop.advance(meta, phi, part, number, second_order=second_order)
            steps.append(found)
            queries.append(
                loop.formulation.gradients(phi, part.query_x, part.query_y, second_order=False)
                if weight
                else None
            )
        backward = Backward(loop, meta, episodes)
        for number in reversed(range(loop.steps)):
            if query := queries[number]:
                backward.add(query.gradients, weights[number], number + 1)
            backward.through(steps[number], number)
        sums.add_gradient(backward.total())
        last = queries[-1]
        assert last is not None
        sums.add_metrics(query_loss=last.losses, support_loss=steps[0].losses)
        sums.add_accuracy(last.outputs, part.query_y)
        return sums
