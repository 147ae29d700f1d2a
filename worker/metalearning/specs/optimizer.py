"""Learned optimizers, and the hand-made ones they are held to (no torch)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from worker.metalearning.specs.base import (
    INNER_LOOP,
    NETWORK,
    OUTER_LOOP,
    AdaptingSpec,
    AlgorithmInfo,
    OnlyImages,
    Spec,
)
from worker.metalearning.specs.parts import (
    Conv4,
    EpisodesPerStep,
    FineTuning,
    Mlp,
    OmniglotEpisodes,
    Outer,
    RatedInner,
    TrainedSteps,
    Trials,
    shown,
)
from worker.metalearning.specs.problems import DigitsConv, DigitsMlp, Quadratics
from worker.metalearning.specs.update_rules import (
    Adam,
    CoordinateLstm,
    HandMade,
    Momentum,
    RmsProp,
    Sgd,
)

ANDRYCHOWICZ = (
    "Andrychowicz et al.: Learning to learn by gradient descent by gradient descent "
    "(arXiv:1606.04474)"
)
RAVI = "Ravi, Larochelle: Optimization as a Model for Few-Shot Learning (ICLR 2017)"
GRID = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
    1.0, 2.0, 5.0, 10.0,
)  # fmt: skip


# fmt: off
class OptimizerTrials(Trials, frozen=True, kw_only=True):
    """How optimizers are tried on problems never trained on."""

    query: Annotated[
        int, shown("Digits of the loss", "On how many digits a network's loss is measured; 0: on "
                   "all of them. Quadratics have one loss: 0.", unit="digits", group="Evaluation",
                   ge=0, le=1797)
    ] = 0
    steps: Annotated[
        int, shown("Optimizer steps at test", "Steps made, and scored after each: more than the "
                   "horizon shows what an optimizer does beyond it.", unit="steps",
                   group="Evaluation", ge=1, le=1000)
    ] = 200
    every: Annotated[
        int, shown("Validate every", "Validate every so many meta-steps; 0 means never.",
                   unit="meta-steps", group="Evaluation", ge=0, le=10_000_000)
    ] = 100


class Horizon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far an optimizer is trained to look."""

    steps: Annotated[
        int, shown("Horizon", "Optimizer steps on each problem in meta-training.", unit="steps",
                   group="Inner loop", ge=1, le=1000)
    ] = 100
    unroll: Annotated[
        int, shown("Unroll", "Steps between two outer updates, which backpropagation goes through.",
                   unit="steps", group="Inner loop", ge=1, le=1000)
    ] = 20


class OptimizerOuter(Outer, frozen=True, kw_only=True):
    """The outer loop: a meta-step is one horizon, with an update after each unroll."""

    episodes_per_step: EpisodesPerStep = 128
    steps: Annotated[
        int, shown("Meta-steps", "How many batches of problems to run to the horizon.",
                   unit="meta-steps", group="Outer loop", ge=1, le=10_000_000)
    ] = 1000


class RateTuning(FineTuning, frozen=True, kw_only=True):
    """The rate of a hand-made optimizer, chosen on problems of the training split."""

    step_sizes: Annotated[
        tuple[Annotated[float, shown("Rate", "One candidate.", gt=0, le=100)], ...],
        Meta(title="Rates tried",
             description="The one with the lowest mean loss after the steps to tune for is used.",
             min_length=1, max_length=50, extra_json_schema={"x-group": "Fine-tuning"}),
    ] = GRID
    episodes: Annotated[
        int, shown("Tuning problems", "Problems of the training split each rate is tried on.",
                   unit="problems", group="Fine-tuning", ge=1, le=100_000)
    ] = 100


class HandMadeTuning(RateTuning, frozen=True, kw_only=True):
    """The same of a run of its own."""

    steps: Annotated[
        int, shown("Steps to tune for", "Optimizer steps after which the loss decides: the horizon "
                   "of the learned optimizer to compare with.", unit="steps", group="Fine-tuning",
                   ge=1, le=1000)
    ] = 100


class Opponents(RateTuning, frozen=True, kw_only=True):
    """The hand-made optimizers that a learned one is shown beside."""

    tried: Annotated[
        bool, shown("Try hand-made ones", "At the end, tune SGD, momentum, RMSprop and Adam for "
                    "the horizon and try them on the test problems.", group="Fine-tuning")
    ] = True


class MetaLstmInner(RatedInner, frozen=True, kw_only=True):
    """The meta-learner's own steps."""

    lr: Annotated[
        float, shown("Initial input gate", "What the input gate begins near: a rate.",
                     group="Inner loop", gt=0, le=0.9)
    ] = 0.01
    keep: Annotated[
        float, shown("Initial forget gate", "What the forget gate begins near: the part of a "
                     "parameter that a step keeps.", group="Inner loop", gt=0, le=0.999999)
    ] = 0.9933
    steps: TrainedSteps = 12
    hidden: Annotated[
        int, shown("Hidden units", "Units of the meta-learner's first layer, an LSTM.",
                   unit="units", group="Inner loop", ge=1, le=128)
    ] = 20


class MetaLstmOuter(Outer, frozen=True, kw_only=True):
    """The outer loop: an episode at a time, and clipped."""

    episodes_per_step: EpisodesPerStep = 1
    grad_clip: Annotated[
        float, shown("Gradient clip", "Largest norm of the outer gradient; 0 means no clip.",
                     group="Outer loop", ge=0, le=1e6)
    ] = 0.25


class NarrowConv4(Conv4, frozen=True, kw_only=True, tag="conv4"):
    """The same with as few filters as the paper's."""

    filters: Annotated[
        int, shown("Filters", "Channels of every convolution.", unit="channels", group="Network",
                   ge=1, le=512)
    ] = 32
# fmt: on


ProblemEpisodes = Annotated[
    Quadratics | DigitsMlp | DigitsConv,
    Meta(title="Episodes", description="The problems to optimize."),
]
Trying = Annotated[
    OptimizerTrials, Meta(title="Evaluation", description="Validation and the final test.")
]


class OptimizingSpec(Spec, frozen=True, kw_only=True):
    """What minimises functions: an episode is a problem, an inner step one of the optimizer."""

    episodes: ProblemEpisodes = msgspec.field(default_factory=Quadratics)
    evaluation: Trying = msgspec.field(default_factory=OptimizerTrials)

    @property
    def horizon(self) -> int:
        """Optimizer steps that it was trained or tuned for."""
        raise NotImplementedError


class LstmOptimizerSpec(OptimizingSpec, frozen=True, kw_only=True, tag="lstm_optimizer"):
    """An optimizer that is an LSTM, learned by gradient descent."""

    network: Annotated[CoordinateLstm, NETWORK] = msgspec.field(default_factory=CoordinateLstm)
    inner: Annotated[Horizon, INNER_LOOP] = msgspec.field(default_factory=Horizon)
    outer: Annotated[OptimizerOuter, OUTER_LOOP] = msgspec.field(default_factory=OptimizerOuter)
    opponents: Annotated[
        Opponents, Meta(title="Hand-made optimizers", description="What it is shown beside.")
    ] = msgspec.field(default_factory=Opponents)

    @property
    def horizon(self) -> int:
        """That of meta-training."""
        return self.inner.steps


class HandMadeSpec(OptimizingSpec, frozen=True, kw_only=True, tag="hand_made_optimizer"):
    """A hand-made optimizer with its rate tuned."""

    network: Annotated[
        Adam | Sgd | Momentum | RmsProp,
        Meta(title="Update rule", description="How a gradient becomes a step."),
    ] = msgspec.field(default_factory=Adam)
    fine_tuning: Annotated[
        HandMadeTuning, Meta(title="Fine-tuning", description="How the rate is chosen.")
    ] = msgspec.field(default_factory=HandMadeTuning)

    @property
    def horizon(self) -> int:
        """That of its tuning."""
        return self.fine_tuning.steps


class MetaLstmSpec(AdaptingSpec, frozen=True, kw_only=True, tag="meta_lstm"):
    """An LSTM whose cell state is the network's parameters."""

    episodes: OnlyImages = msgspec.field(default_factory=OmniglotEpisodes)
    network: Annotated[NarrowConv4 | Mlp, NETWORK] = msgspec.field(default_factory=NarrowConv4)
    inner: Annotated[MetaLstmInner, INNER_LOOP] = msgspec.field(default_factory=MetaLstmInner)
    outer: Annotated[MetaLstmOuter, OUTER_LOOP] = msgspec.field(default_factory=MetaLstmOuter)


HAND_MADE_RULES: dict[str, HandMade] = {
    "SGD": Sgd(),
    "momentum": Momentum(),
    "RMSprop": RmsProp(),
    "Adam": Adam(),
}

OPTIMIZERS = (
    AlgorithmInfo(
        name="lstm_optimizer", title="LSTM optimizer", year=2016, paper=ANDRYCHOWICZ,
        spec_type=LstmOptimizerSpec, family="optimizer",
        summary="Learns, coordinate by coordinate, how a gradient becomes the next step.",
    ),
    AlgorithmInfo(
        name="meta_lstm", title="Meta-learner LSTM", year=2017, paper=RAVI,
        spec_type=MetaLstmSpec, family="optimizer",
        summary="An LSTM trains a network on the support set; its cell state is the parameters.",
    ),
)  # fmt: skip
HAND_MADE = (
    AlgorithmInfo(
        name="hand_made_optimizer", title="Hand-made optimizer", year=2016, paper=ANDRYCHOWICZ,
        spec_type=HandMadeSpec, family="baseline",
        summary="Baseline: SGD, momentum, RMSprop or Adam, its rate tuned on training problems.",
    ),
)  # fmt: skip
