"""Learners that read an episode as a sequence and change no parameter at test (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from worker.metalearning.specs.base import (
    NETWORK,
    OUTER_LOOP,
    AlgorithmInfo,
    Episodes,
    Spec,
    WithQueries,
)
from worker.metalearning.specs.parts import Outer, SinusoidEpisodes, Trials, shown
from worker.metalearning.specs.sequence_networks import LstmNetwork, MannNetwork, SnailNetwork

HOCHREITER = "Hochreiter, Younger, Conwell: Learning to Learn Using Gradient Descent (ICANN 2001)"
SANTORO = (
    "Santoro et al.: One-shot Learning with Memory-Augmented Neural Networks (arXiv:1605.06065)"
)
MISHRA = "Mishra et al.: A Simple Neural Attentive Meta-Learner (arXiv:1707.03141)"


class RecurrentOuter(Outer, frozen=True, kw_only=True):
    """The outer loop of sequence learners: long sequences need a bound on their gradients."""

    grad_clip: Annotated[
        float, shown("Gradient clip", "Largest norm of the outer gradient; 0 means no clip.",
                     group="Outer loop", ge=0, le=1e6)
    ] = 10.0  # fmt: skip


class RecurrentSpec(Spec, frozen=True, kw_only=True):
    """What sequence learners share."""

    episodes: Episodes = msgspec.field(default_factory=SinusoidEpisodes)
    outer: Annotated[RecurrentOuter, OUTER_LOOP] = msgspec.field(default_factory=RecurrentOuter)
    evaluation: WithQueries = msgspec.field(default_factory=Trials)
    learned_from: Annotated[
        Literal["every_answer", "queries"],
        shown("Learned from", "every_answer: each support example is answered before its label is "
              "shown, and each query after all of them; queries: the queries alone.",
              group="Outer loop"),
    ] = "every_answer"  # fmt: skip


class LstmSpec(RecurrentSpec, frozen=True, kw_only=True, tag="lstm"):
    """What it learns of an episode is in the state of an LSTM."""

    network: Annotated[LstmNetwork, NETWORK] = msgspec.field(default_factory=LstmNetwork)


class MannSpec(RecurrentSpec, frozen=True, kw_only=True, tag="mann"):
    """An LSTM with an external memory."""

    network: Annotated[MannNetwork, NETWORK] = msgspec.field(default_factory=MannNetwork)


class SnailSpec(RecurrentSpec, frozen=True, kw_only=True, tag="snail"):
    """Temporal convolutions and attention over all that was seen."""

    network: Annotated[SnailNetwork, NETWORK] = msgspec.field(default_factory=SnailNetwork)


RECURRENT = (
    AlgorithmInfo(
        name="lstm", title="LSTM meta-learner", year=2001, paper=HOCHREITER, spec_type=LstmSpec,
        family="recurrent",
        summary="Reads inputs with the label of the one before; its state is what it has learned.",
    ),
    AlgorithmInfo(
        name="mann", title="MANN", year=2016, paper=SANTORO, spec_type=MannSpec,
        family="recurrent",
        summary="An LSTM that writes examples to the least used rows of a memory, and reads them.",
    ),
    AlgorithmInfo(
        name="snail", title="SNAIL", year=2018, paper=MISHRA, spec_type=SnailSpec,
        family="recurrent",
        summary="Temporal convolutions gather what was seen; causal attention picks from it.",
    ),
)  # fmt: skip
