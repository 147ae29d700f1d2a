"""Which formulation a network gets: the fastest that it has and that pays for itself."""

from __future__ import annotations

from functools import partial

from torch import nn

from worker.metalearning.adaptation import Batched, Formulation, losses_of
from worker.metalearning.episodes import Objective
from worker.metalearning.networks import EpisodeBatched
from worker.metalearning.tracing.formulation import Routed, Traced
from worker.metalearning.tracing.refusals import check

TRACED_FROM = 200  # meta-steps: recording takes a second or two, which short runs do not win back


def formulation(network: nn.Module, objective: Objective, *, meta_steps: int = 0) -> Formulation:
    """For so many meta-steps; the number alone decides, so that a seed repeats bit for bit.

    Raises SpecError for networks that cannot be meta-trained.
    """
    check(network)
    loss = partial(losses_of, objective=objective)
    own = Batched(network, objective) if isinstance(network, EpisodeBatched) else None
    if meta_steps >= TRACED_FROM:
        return Traced(network, loss, tried_by=own)
    return own or Routed(network, loss)
