"""MAML's meta-step as one function, for whoever has a training loop of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from worker.metalearning.algorithms.base import Crew, Sums
from worker.metalearning.episodes import EpisodeBatch
from worker.metalearning.networks import Parameters
from worker.metalearning.tracing.formulation import Traced
from worker.metalearning.tracing.refusals import check

Loss = Callable[[Tensor, Tensor], Tensor]
Sets = tuple[Tensor, Tensor, Tensor, Tensor]
MetaStep = Callable[[Mapping[str, Tensor], Sets], tuple[Parameters, Tensor]]


def build_meta_step(
    network: nn.Module, loss: Loss, inner_lr: float, inner_steps: int, first_order: bool, *,
    threads: int = 1,
) -> MetaStep:  # fmt: skip
    """MAML's outer gradient for a network (Finn, Abbeel, Levine 2017, arXiv:1703.03400,
    Algorithm 1), by the engine that jobs train with:

        phi_0 = theta,  phi_{s+1} = phi_s - inner_lr dL(phi_s; support)/dphi_s,  S = inner_steps
        meta_gradients = d/dtheta  1/E sum_e L(phi_S; query_e)

    `first_order` takes dphi_S/dtheta = 1 (FOMAML, section 5.2), which leaves dL/dphi_S.

    Give it any `network` (its copy is run, it is never changed) and `loss(outputs, targets)`, the
    mean over one set as `F.mse_loss` and `F.cross_entropy` take it. What comes back is

        step(params, (support_x, support_y, query_x, query_y)) -> (meta_gradients, loss)

    - params: {name: (*shape)}, as of `named_parameters()`; names left out keep the network's values
    - support_x `(E, S, *input)`, support_y `(E, S, *target)`, query_x and query_y with T for S;
      E episodes, S support and T query examples; no units, they are the loss's
    - meta_gradients: {name: (*shape)}, the mean over episodes; loss `()`, the mean query loss

    Batch norm in training mode uses each set's own statistics and leaves running ones alone; in
    eval mode it uses those. Dropout draws anew for every episode. `threads` share the episodes.
    The first call with new shapes records graphs (a second or two). Raises SpecError, with the
    module's name, for what cannot be adapted or derived twice.
    """
    check(network)
    engine = Traced(network, loss)
    crew = Crew(threads)

    def step(params: Mapping[str, Tensor], sets: Sets) -> tuple[Parameters, Tensor]:
        batch = EpisodeBatch(*sets, latent=torch.empty(len(sets[0]), 0))
        start = dict(params)

        def sums_of(part: EpisodeBatch) -> Sums:
            found = engine.descent(
                start, part, lr=inner_lr, steps=inner_steps, second_order=not first_order
            )
            sums = Sums()
            sums.gradient = found.gradient
            sums.add_metrics(loss=found.query_losses)
            return sums

        gradient, metrics = crew.mean(batch, sums_of)
        return gradient, metrics["loss"]

    return step
