"""An episode, a batch of them, and what every task distribution can do.

Axes, named once: `E` episodes, `N` way, `K` shot, `Q` query, `S` support examples (N K, or K points
of a regression), `T` query examples. Classification targets are int64 class numbers 0..N-1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
from torch import Tensor

from worker.metalearning.distributions.identity import Split

Objective = Literal["mse", "cross_entropy"]


@dataclass(frozen=True)
class Episode:
    """One few-shot problem: learn from the support set, be judged on the query set."""

    support_x: Tensor  # (S, *input)
    support_y: Tensor  # (S, 1) or (S,)
    query_x: Tensor  # (T, *input)
    query_y: Tensor  # (T, 1) or (T,)
    id: str
    latent: Tensor  # (L,): what generated it, for the oracle only; empty when unknown


@dataclass(frozen=True)
class EpisodeBatch:
    """Episodes of one shape, stacked; `ids` is empty for training draws, which have no name."""

    support_x: Tensor  # (E, S, *input)
    support_y: Tensor  # (E, S, 1) or (E, S)
    query_x: Tensor  # (E, T, *input)
    query_y: Tensor  # (E, T, 1) or (E, T)
    latent: Tensor  # (E, L)
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.support_x.shape[0]

    def to(
        self, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> EpisodeBatch:
        """On another device, its floating-point tensors in another precision."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

        return replace(
            self,
            support_x=moved(self.support_x), support_y=moved(self.support_y),
            query_x=moved(self.query_x), query_y=moved(self.query_y), latent=moved(self.latent),
        )  # fmt: skip

    def part(self, start: int, stop: int) -> EpisodeBatch:
        """Episodes start to stop."""
        return EpisodeBatch(
            self.support_x[start:stop], self.support_y[start:stop],
            self.query_x[start:stop], self.query_y[start:stop],
            self.latent[start:stop], self.ids[start:stop],
        )  # fmt: skip


def stack(episodes: list[Episode]) -> EpisodeBatch:
    """One batch of episodes of one shape."""
    return EpisodeBatch(
        support_x=torch.stack([e.support_x for e in episodes]),
        support_y=torch.stack([e.support_y for e in episodes]),
        query_x=torch.stack([e.query_x for e in episodes]),
        query_y=torch.stack([e.query_y for e in episodes]),
        latent=torch.stack([e.latent for e in episodes]),
        ids=tuple(e.id for e in episodes),
    )


class TaskDistribution(Protocol):
    """What episodes are sampled from."""

    @property
    def source(self) -> str: ...

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that name the distribution's content."""
        ...

    @property
    def objective(self) -> Objective: ...

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    @property
    def outputs(self) -> int:
        """Outputs the network needs: N classes, or 1 value."""
        ...

    @property
    def way(self) -> int | None: ...

    @property
    def shot(self) -> int: ...

    @property
    def query(self) -> int: ...

    def sample(self, split: Split, index: int, seed: int) -> Episode:
        """The same episode for the same arguments, on any machine."""
        ...

    def sample_batch(self, generator: torch.Generator, count: int) -> EpisodeBatch:
        """Training episodes, drawn from an explicit stream of random numbers."""
        ...


def sample_range(
    distribution: TaskDistribution, split: Split, seed: int, start: int, stop: int
) -> EpisodeBatch:
    """The evaluation episodes with indices start to stop."""
    return stack([distribution.sample(split, index, seed) for index in range(start, stop)])
