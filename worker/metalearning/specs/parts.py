"""The parts that specs are made of: episodes, networks, loops, evaluation (no torch).

Every field carries its default, its limits and what a form shows about it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


def shown(
    title: str,
    description: str,
    *,
    group: str = "",
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
) -> Meta:
    """A field's limits together with what a form shows about it."""
    limits: dict[str, Any] = {"ge": ge, "gt": gt, "le": le}
    extra = {"unit": unit, "x-group": group}
    meta: Meta = Meta(
        title=title,
        description=description,
        extra_json_schema={key: value for key, value in extra.items() if value},
        **{key: value for key, value in limits.items() if value is not None},
    )
    return meta


# fmt: off
class SinusoidEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                       tag_field="source", tag="sinusoid"):
    """Regression on y = A sin(x - phase), Finn et al. 2017 section 5.1."""

    shot: Annotated[
        int,
        shown("Shot (K)", "Support points per episode.", unit="points", group="Episodes",
              ge=1, le=1000),
    ] = 10
    query: Annotated[
        int,
        shown("Query points", "Query points per training episode.", unit="points",
              group="Episodes", ge=1, le=1000),
    ] = 10
    amplitude_low: Annotated[
        float,
        shown("Lowest amplitude", "Lower end of the amplitude's uniform range.",
              group="Episodes", ge=0, le=1000),
    ] = 0.1
    amplitude_high: Annotated[
        float,
        shown("Highest amplitude", "Upper end of the amplitude's uniform range.",
              group="Episodes", ge=0, le=1000),
    ] = 5.0
    phase_high: Annotated[
        float,
        shown("Largest phase", "The phase is uniform from 0 to this.", unit="rad",
              group="Episodes", ge=0, le=1000),
    ] = 3.141592653589793
    x_range: Annotated[
        float,
        shown("Input range", "Inputs are uniform from minus this to plus this.",
              group="Episodes", gt=0, le=1000),
    ] = 5.0


class OmniglotEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                       tag_field="source", tag="omniglot"):
    """Few-shot classification of handwritten characters, Finn et al. 2017 section 5.2."""

    way: Annotated[
        int, shown("Way (N)", "Classes per episode.", unit="classes", group="Episodes",
                   ge=2, le=50)
    ] = 5
    shot: Annotated[
        int, shown("Shot (K)", "Support drawings per class.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1
    query: Annotated[
        int, shown("Query drawings", "Query drawings per class in training.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1
    split_seed: Annotated[
        int, shown("Split seed", "Seed of the shuffle that splits the characters.",
                   group="Episodes", ge=0, le=2**31 - 1)
    ] = 1
    train_characters: Annotated[
        int, shown("Training characters", "Characters not in the test split.",
                   unit="characters", group="Episodes", ge=2, le=100_000)
    ] = 1200
    validation_characters: Annotated[
        int, shown("Validation characters",
                   "How many of the training characters are kept out of meta-training, "
                   "for model selection.", unit="characters", group="Episodes",
                   ge=0, le=100_000)
    ] = 100
    rotations: Annotated[
        bool, shown("Rotated classes", "In training, a character turned by 90, 180 or 270 "
                    "degrees is a class of its own.", group="Episodes")
    ] = True


class BanditEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                     tag_field="source", tag="bandits"):
    """Bernoulli bandits, Duan et al. 2016 section 3.1: arms pay 1 or 0, with p ~ U[0, 1] each."""

    arms: Annotated[
        int, shown("Arms (k)", "Arms of a bandit.", unit="arms", group="Episodes", ge=2, le=100)
    ] = 5
    pulls: Annotated[
        int, shown("Pulls (n)", "How often a bandit is pulled.", unit="pulls", group="Episodes",
                   ge=1, le=1000)
    ] = 10


class Mlp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
          tag_field="kind", tag="mlp"):
    """Fully connected network with rectifiers."""

    hidden: Annotated[
        tuple[
            Annotated[int, shown("Width", "Units of one hidden layer.", unit="units", ge=1,
                                 le=4096)], ...,
        ],
        Meta(title="Hidden layers", description="Width of each hidden layer, input to output.",
             min_length=1, max_length=10, extra_json_schema={"x-group": "Network"}),
    ] = (40, 40)


class Conv4(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
            tag_field="kind", tag="conv4"):
    """Four blocks of a strided 3x3 convolution, batch norm and a rectifier; then a linear layer."""

    filters: Annotated[
        int, shown("Filters", "Channels of every convolution.", unit="channels",
                   group="Network", ge=1, le=512)
    ] = 64


class ModuleNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                    tag_field="kind", tag="module"):
    """A network of your own package, installed where the worker runs (docs/library.md)."""

    path: Annotated[
        str,
        Meta(title="Network class", description="package.module:Class of a package that the worker "
             "permits, or the name that an installed package declares.", min_length=1,
             max_length=200, extra_json_schema={"x-group": "Network"}),
    ]
    options: Annotated[
        dict[str, bool | int | float | str],
        Meta(title="Options", description="Arguments of the class by name. `inputs` (numbers of an "
             "example), `input_shape` and `outputs` are given to a class that takes them.",
             max_length=50, extra_json_schema={"x-group": "Network"}),
    ] = {}


Pooled = Annotated[
    int, shown("Blocks with pooling", "After how many of the four blocks, from the first, 2x2 "
               "maxima halve the picture.", unit="blocks", group="Network", ge=1, le=4)
]


class ConvEncoder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                  tag_field="kind", tag="conv_encoder"):
    """Four blocks of a 3x3 convolution, batch norm, a rectifier and, in the first ones, pooling."""

    filters: Annotated[
        int, shown("Filters", "Channels of every convolution.", unit="channels",
                   group="Network", ge=1, le=512)
    ] = 64
    pooled: Pooled = 4


class RelationEncoder(ConvEncoder, frozen=True, kw_only=True, tag="conv_encoder"):
    """The same with maps large enough for a relation module."""

    pooled: Pooled = 2


InnerLr = Annotated[
    float, shown("Inner learning rate", "Step size of the inner gradient descent.",
                 group="Inner loop", gt=0, le=10)
]
InnerSteps = Annotated[
    int, shown("Inner steps", "Inner gradient steps during meta-training.",
               unit="steps", group="Inner loop", ge=0, le=100)
]


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inner loop: gradient descent on an episode's support set."""

    lr: InnerLr = 0.01
    steps: InnerSteps = 1


class ReptileInner(Inner, frozen=True, kw_only=True):
    """Reptile's inner loop: one step alone would make it plain joint training."""

    lr: InnerLr = 0.02
    steps: InnerSteps = 5


TrainedSteps = Annotated[
    int, shown("Inner steps", "Inner gradient steps during meta-training.",
               unit="steps", group="Inner loop", ge=1, le=100)
]
InitialLr = Annotated[
    float, shown("Initial inner learning rate", "Where every learned rate begins.",
                 group="Inner loop", gt=0, le=10)
]


class TrainedInner(Inner, frozen=True, kw_only=True):
    """An inner loop that has something to learn: it makes a step at least."""

    steps: TrainedSteps = 1


class RatedInner(TrainedInner, frozen=True, kw_only=True):
    """An inner loop whose rates are learned."""

    lr: InitialLr = 0.01


class PlusPlusInner(RatedInner, frozen=True, kw_only=True):
    """MAML++'s inner loop, as its authors set it for Omniglot."""

    lr: InitialLr = 0.1
    steps: TrainedSteps = 5


class MamlPlusPlusChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What MAML++ changes about MAML, one switch each (Antoniou et al. 2019, section 4)."""

    multi_step_loss_steps: Annotated[
        int, shown("Multi-step loss for", "Meta-steps over which the losses after earlier inner "
                   "steps fade from an equal share (MSL); 0: only the last counts.",
                   unit="meta-steps", group="MAML++", ge=0, le=10_000_000)
    ] = 5000
    first_order_steps: Annotated[
        int, shown("First order for", "Meta-steps before second derivatives are taken (DA); "
                   "0: from the first on.", unit="meta-steps", group="MAML++",
                   ge=0, le=10_000_000)
    ] = 0
    step_rates: Annotated[
        bool, shown("Rates by layer and step", "A learned rate for each parameter tensor and "
                    "inner step (LSLR).", group="MAML++")
    ] = True
    step_norms: Annotated[
        bool, shown("Norms by step", "Weights and biases of batch norm for each inner step, which "
                    "the inner loop does not change (BNWB).", group="MAML++")
    ] = True


EpisodesPerStep = Annotated[
    int, shown("Episodes per meta-step", "The meta-batch.", unit="episodes",
               group="Outer loop", ge=1, le=4096)
]
Schedule = Annotated[
    Literal["constant", "cosine"],
    shown("Schedule", "How the outer learning rate changes: constant, or a half cosine "
          "down to zero.", group="Outer loop"),
]


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outer loop: an optimizer on the meta-parameters."""

    lr: Annotated[
        float, shown("Outer learning rate", "Step size of the outer optimizer.",
                     group="Outer loop", gt=0, le=10)
    ] = 0.001
    optimizer: Annotated[
        Literal["adam", "sgd"],
        shown("Optimizer", "Turns outer gradients into updates.", group="Outer loop"),
    ] = "adam"
    episodes_per_step: EpisodesPerStep = 25
    steps: Annotated[
        int, shown("Meta-steps", "How many outer updates to make.", unit="meta-steps",
                   group="Outer loop", ge=1, le=10_000_000)
    ] = 20_000
    schedule: Schedule = "constant"
    grad_clip: Annotated[
        float, shown("Gradient clip", "Largest norm of the outer gradient; 0 means no clip.",
                     group="Outer loop", ge=0, le=1e6)
    ] = 0.0


class PlusPlusOuter(Outer, frozen=True, kw_only=True):
    """MAML++'s outer loop: the rate falls along a cosine."""

    schedule: Schedule = "cosine"


class MetricOuter(Outer, frozen=True, kw_only=True):
    """The outer loop of metric learners, whose episodes are large."""

    episodes_per_step: EpisodesPerStep = 4


class Tries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How checkpoints are tried on episodes never trained on."""

    episodes: Annotated[
        int, shown("Test episodes", "Episodes of the final test.", unit="episodes",
                   group="Evaluation", ge=1, le=100_000)
    ] = 600
    every: Annotated[
        int, shown("Validate every", "Validate every so many meta-steps; 0 means never.",
                   unit="meta-steps", group="Evaluation", ge=0, le=10_000_000)
    ] = 1000
    episodes_during_training: Annotated[
        int, shown("Validation episodes", "Episodes of each validation.", unit="episodes",
                   group="Evaluation", ge=1, le=100_000)
    ] = 100
    seed: Annotated[
        int, shown("Evaluation seed", "Seed of validation and test episodes; runs that share "
                   "it are tried on the same episodes.", group="Evaluation",
                   ge=0, le=2**31 - 1)
    ] = 0
    selection: Annotated[
        Literal["last", "best_validation"],
        shown("Tested parameters", "Test the last parameters, or those with the best "
              "validation loss at the last inner step.", group="Evaluation"),
    ] = "last"


class Trials(Tries, frozen=True, kw_only=True):
    """The same of episodes that have a query set."""

    query: Annotated[
        int, shown("Query size at test", "Query points (per class) of validation and test "
                   "episodes; 0 means as in training.", group="Evaluation", ge=0, le=1000)
    ] = 0


class Evaluation(Trials, frozen=True, kw_only=True):
    """The same of what adapts by inner steps."""

    steps: Annotated[
        int, shown("Inner steps at test", "Inner steps made, and scored after each.",
                   unit="steps", group="Evaluation", ge=0, le=1000)
    ] = 10


class FineTuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step size of a baseline's fine-tuning, chosen on validation episodes."""

    step_sizes: Annotated[
        tuple[Annotated[float, shown("Step size", "One candidate.", gt=0, le=10)], ...],
        Meta(title="Step sizes tried",
             description="The one with the lowest validation query loss, mean over inner "
             "steps 1 to the last, is used at test.",
             min_length=1, max_length=50, extra_json_schema={"x-group": "Fine-tuning"}),
    ] = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    episodes: Annotated[
        int, shown("Tuning episodes", "Validation episodes each step size is tried on.",
                   unit="episodes", group="Fine-tuning", ge=1, le=100_000)
    ] = 200
