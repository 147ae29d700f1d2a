"""What a job may ask for: one validated spec per algorithm, its JSON schema and its presets.

No torch here: the web side reads these schemas in a process without it. Defaults live in these
fields and nowhere else; the form, the REST validation and the schema come from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta

from worker.metalearning.errors import SpecError
from worker.metalearning.presets import PRESETS
from worker.metalearning.schemas import json_schema


def _meta(
    title: str, description: str, *, unit: str = "", group: str = "", **limits: float
) -> Meta:
    """A field's limits together with what the form shows about it."""
    extra = {"unit": unit, "x-group": group}
    return Meta(
        title=title,
        description=description,
        extra_json_schema={key: value for key, value in extra.items() if value},
        **limits,  # type: ignore[arg-type]
    )


Seed = Annotated[
    int,
    _meta("Seed", "Seed of everything random in training.", group="Run", ge=0, le=2**31 - 1),
]
LogEvery = Annotated[
    int,
    _meta(
        "Log every",
        "Record metrics every so many meta-steps; 0 chooses about 1,000 points a run.",
        unit="meta-steps",
        group="Run",
        ge=0,
        le=10_000_000,
    ),
]
CheckpointEvery = Annotated[
    int,
    _meta(
        "Checkpoint every",
        "Save a resumable checkpoint every so many meta-steps; 0 saves only the last.",
        unit="meta-steps",
        group="Run",
        ge=0,
        le=10_000_000,
    ),
]


class SinusoidEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                       tag_field="source", tag="sinusoid"):  # fmt: skip
    """Regression on y = A sin(x - phase), Finn et al. 2017 section 5.1."""

    shot: Annotated[
        int,
        _meta("Shot (K)", "Support points per episode.", unit="points", group="Episodes",
              ge=1, le=1000),
    ] = 10  # fmt: skip
    query: Annotated[
        int,
        _meta("Query points", "Query points per training episode.", unit="points",
              group="Episodes", ge=1, le=1000),
    ] = 10  # fmt: skip
    amplitude_low: Annotated[
        float,
        _meta("Lowest amplitude", "Lower end of the amplitude's uniform range.",
              group="Episodes", ge=0, le=1000),
    ] = 0.1  # fmt: skip
    amplitude_high: Annotated[
        float,
        _meta("Highest amplitude", "Upper end of the amplitude's uniform range.",
              group="Episodes", ge=0, le=1000),
    ] = 5.0  # fmt: skip
    phase_high: Annotated[
        float,
        _meta("Largest phase", "The phase is uniform from 0 to this.", unit="rad",
              group="Episodes", ge=0, le=1000),
    ] = 3.141592653589793  # fmt: skip
    x_range: Annotated[
        float,
        _meta("Input range", "Inputs are uniform from minus this to plus this.",
              group="Episodes", gt=0, le=1000),
    ] = 5.0  # fmt: skip


class OmniglotEpisodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                       tag_field="source", tag="omniglot"):  # fmt: skip
    """Few-shot classification of handwritten characters, Finn et al. 2017 section 5.2."""

    way: Annotated[
        int, _meta("Way (N)", "Classes per episode.", unit="classes", group="Episodes",
                   ge=2, le=50)
    ] = 5  # fmt: skip
    shot: Annotated[
        int, _meta("Shot (K)", "Support drawings per class.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1  # fmt: skip
    query: Annotated[
        int, _meta("Query drawings", "Query drawings per class in training.", unit="drawings",
                   group="Episodes", ge=1, le=19)
    ] = 1  # fmt: skip
    split_seed: Annotated[
        int, _meta("Split seed", "Seed of the shuffle that splits the characters.",
                   group="Episodes", ge=0, le=2**31 - 1)
    ] = 1  # fmt: skip
    train_characters: Annotated[
        int, _meta("Training characters", "Characters not in the test split.",
                   unit="characters", group="Episodes", ge=2, le=100_000)
    ] = 1200  # fmt: skip
    validation_characters: Annotated[
        int, _meta("Validation characters",
                   "How many of the training characters are kept out of meta-training, "
                   "for model selection.", unit="characters", group="Episodes",
                   ge=0, le=100_000)
    ] = 100  # fmt: skip
    rotations: Annotated[
        bool, _meta("Rotated classes", "In training, a character turned by 90, 180 or 270 "
                    "degrees is a class of its own.", group="Episodes")
    ] = True  # fmt: skip


class Mlp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
          tag_field="kind", tag="mlp"):  # fmt: skip
    """Fully connected network with rectifiers."""

    hidden: Annotated[
        tuple[
            Annotated[int, _meta("Width", "Units of one hidden layer.", unit="units", ge=1,
                                 le=4096)], ...,
        ],
        Meta(title="Hidden layers", description="Width of each hidden layer, input to output.",
             min_length=1, max_length=10, extra_json_schema={"x-group": "Network"}),
    ] = (40, 40)  # fmt: skip


class Conv4(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
            tag_field="kind", tag="conv4"):  # fmt: skip
    """Four blocks of a strided 3x3 convolution, batch norm and a rectifier; then a linear layer."""

    filters: Annotated[
        int, _meta("Filters", "Channels of every convolution.", unit="channels",
                   group="Network", ge=1, le=512)
    ] = 64  # fmt: skip


class Inner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inner loop: gradient descent on an episode's support set."""

    lr: Annotated[
        float, _meta("Inner learning rate", "Step size of the inner gradient descent.",
                     group="Inner loop", gt=0, le=10)
    ] = 0.01  # fmt: skip
    steps: Annotated[
        int, _meta("Inner steps", "Inner gradient steps during meta-training.",
                   unit="steps", group="Inner loop", ge=0, le=100)
    ] = 1  # fmt: skip


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outer loop: an optimizer on the meta-parameters."""

    lr: Annotated[
        float, _meta("Outer learning rate", "Step size of the outer optimizer.",
                     group="Outer loop", gt=0, le=10)
    ] = 0.001  # fmt: skip
    optimizer: Annotated[
        Literal["adam", "sgd"],
        _meta("Optimizer", "Turns outer gradients into updates.", group="Outer loop"),
    ] = "adam"
    episodes_per_step: Annotated[
        int, _meta("Episodes per meta-step", "The meta-batch.", unit="episodes",
                   group="Outer loop", ge=1, le=4096)
    ] = 25  # fmt: skip
    steps: Annotated[
        int, _meta("Meta-steps", "How many outer updates to make.", unit="meta-steps",
                   group="Outer loop", ge=1, le=10_000_000)
    ] = 20_000  # fmt: skip
    schedule: Annotated[
        Literal["constant", "cosine"],
        _meta("Schedule", "How the outer learning rate changes: constant, or a half cosine "
              "down to zero.", group="Outer loop"),
    ] = "constant"  # fmt: skip
    grad_clip: Annotated[
        float, _meta("Gradient clip", "Largest norm of the outer gradient; 0 means no clip.",
                     group="Outer loop", ge=0, le=1e6)
    ] = 0.0  # fmt: skip


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How checkpoints are tried on episodes never trained on."""

    episodes: Annotated[
        int, _meta("Test episodes", "Episodes of the final test.", unit="episodes",
                   group="Evaluation", ge=1, le=100_000)
    ] = 600  # fmt: skip
    steps: Annotated[
        int, _meta("Inner steps at test", "Inner steps made, and scored after each.",
                   unit="steps", group="Evaluation", ge=0, le=1000)
    ] = 10  # fmt: skip
    query: Annotated[
        int, _meta("Query size at test", "Query points (per class) of validation and test "
                   "episodes; 0 means as in training.", group="Evaluation", ge=0, le=1000)
    ] = 0  # fmt: skip
    every: Annotated[
        int, _meta("Validate every", "Validate every so many meta-steps; 0 means never.",
                   unit="meta-steps", group="Evaluation", ge=0, le=10_000_000)
    ] = 1000  # fmt: skip
    episodes_during_training: Annotated[
        int, _meta("Validation episodes", "Episodes of each validation.", unit="episodes",
                   group="Evaluation", ge=1, le=100_000)
    ] = 100  # fmt: skip
    seed: Annotated[
        int, _meta("Evaluation seed", "Seed of validation and test episodes; runs that share "
                   "it are tried on the same episodes.", group="Evaluation",
                   ge=0, le=2**31 - 1)
    ] = 0  # fmt: skip
    selection: Annotated[
        Literal["last", "best_validation"],
        _meta("Tested parameters", "Test the last parameters, or those with the best "
              "validation loss at the last inner step.", group="Evaluation"),
    ] = "last"  # fmt: skip


class FineTuning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step size of a baseline's fine-tuning, chosen on validation episodes."""

    step_sizes: Annotated[
        tuple[Annotated[float, _meta("Step size", "One candidate.", gt=0, le=10)], ...],
        Meta(title="Step sizes tried",
             description="The one with the lowest validation query loss, mean over inner "
             "steps 1 to the last, is used at test.",
             min_length=1, max_length=50, extra_json_schema={"x-group": "Fine-tuning"}),
    ] = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # fmt: skip
    episodes: Annotated[
        int, _meta("Tuning episodes", "Validation episodes each step size is tried on.",
                   unit="episodes", group="Fine-tuning", ge=1, le=100_000)
    ] = 200  # fmt: skip


Episodes = Annotated[
    SinusoidEpisodes | OmniglotEpisodes,
    Meta(title="Episodes", description="What the episodes are sampled from."),
]
OnlySinusoid = Annotated[
    SinusoidEpisodes, Meta(title="Episodes", description="What the episodes are sampled from.")
]
NetworkSpec = Annotated[
    Mlp | Conv4, Meta(title="Network", description="The network that is meta-trained.")
]
InnerLoop = Annotated[Inner, Meta(title="Inner loop", description="Adaptation to an episode.")]
OuterLoop = Annotated[Outer, Meta(title="Outer loop", description="Meta-training.")]
Evaluating = Annotated[
    Evaluation, Meta(title="Evaluation", description="Validation and the final test.")
]
Tuning = Annotated[
    FineTuning, Meta(title="Fine-tuning", description="How the step size is chosen.")
]


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
           tag_field="algorithm"):  # fmt: skip
    """What every algorithm's spec holds."""

    family: ClassVar[str] = "few-shot"

    episodes: Episodes = msgspec.field(default_factory=SinusoidEpisodes)
    network: NetworkSpec = msgspec.field(default_factory=Mlp)
    evaluation: Evaluating = msgspec.field(default_factory=Evaluation)
    seed: Seed = 0
    log_every: LogEvery = 0
    checkpoint_every: CheckpointEvery = 0


class MamlSpec(Spec, frozen=True, kw_only=True, tag="maml"):
    """MAML, second order."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class FomamlSpec(Spec, frozen=True, kw_only=True, tag="fomaml"):
    """First-order MAML: MAML that drops the derivative of the inner steps."""

    inner: InnerLoop = msgspec.field(default_factory=Inner)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class ReptileSpec(Spec, frozen=True, kw_only=True, tag="reptile"):
    """Reptile: move towards the adapted parameters."""

    inner: InnerLoop = msgspec.field(default_factory=lambda: Inner(lr=0.02, steps=5))
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class PretrainedSpec(Spec, frozen=True, kw_only=True, tag="pretrained"):
    """One network for all episodes pooled, then fine-tuned."""

    episodes: OnlySinusoid = msgspec.field(default_factory=SinusoidEpisodes)
    outer: OuterLoop = msgspec.field(default_factory=Outer)
    fine_tuning: Tuning = msgspec.field(default_factory=FineTuning)


class RandomInitSpec(Spec, frozen=True, kw_only=True, tag="random_init"):
    """No meta-training: each episode is learned from a random initialisation."""

    fine_tuning: Tuning = msgspec.field(default_factory=FineTuning)


class OracleSpec(Spec, frozen=True, kw_only=True, tag="oracle"):
    """A network that is told amplitude and phase: the best to hope for."""

    episodes: OnlySinusoid = msgspec.field(default_factory=SinusoidEpisodes)
    outer: OuterLoop = msgspec.field(default_factory=Outer)


class AlgorithmInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How an algorithm presents itself to people."""

    name: str
    title: str
    year: int
    paper: str
    summary: str
    spec_type: type[Spec]
    family: str = "few-shot"


_FINN = "Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation (arXiv:1703.03400)"
_NICHOL = "Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms (arXiv:1803.02999)"

ALGORITHMS: dict[str, AlgorithmInfo] = {
    info.name: info
    for info in (
        AlgorithmInfo(
            name="maml", title="MAML", year=2017, paper=_FINN, spec_type=MamlSpec,
            summary="Learns an initialisation from which a few gradient steps fit a new episode.",
        ),
        AlgorithmInfo(
            name="fomaml", title="First-order MAML", year=2017, paper=_FINN,
            spec_type=FomamlSpec,
            summary="MAML without second derivatives: cheaper steps, nearly the same result.",
        ),
        AlgorithmInfo(
            name="reptile", title="Reptile", year=2018, paper=_NICHOL, spec_type=ReptileSpec,
            summary="Moves the initialisation towards the parameters adapted to each episode.",
        ),
        AlgorithmInfo(
            name="pretrained", title="Pretrained, fine-tuned", year=2017, paper=_FINN,
            spec_type=PretrainedSpec,
            summary="Baseline: one network trained on all episodes pooled, then fine-tuned.",
        ),
        AlgorithmInfo(
            name="random_init", title="Random initialisation", year=2017, paper=_FINN,
            spec_type=RandomInitSpec,
            summary="Baseline: learns each episode from scratch, with no meta-training.",
        ),
        AlgorithmInfo(
            name="oracle", title="Oracle", year=2017, paper=_FINN, spec_type=OracleSpec,
            summary="Upper bound: receives each sinusoid's amplitude and phase as inputs.",
        ),
    )
}  # fmt: skip


def parse(spec: Mapping[str, Any]) -> Spec:
    """The validated spec; raises SpecError with the path of what is wrong."""
    algorithm = spec.get("algorithm")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise SpecError("algorithm", f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")
    try:
        parsed = msgspec.convert(dict(spec), ALGORITHMS[algorithm].spec_type)
    except msgspec.ValidationError as error:
        raise SpecError(*_path_and_message(str(error))) from None
    _check_relations(parsed)
    return parsed


def as_dict(spec: Spec) -> dict[str, Any]:
    """The spec with every default written out, as JSON values."""
    plain = msgspec.to_builtins(spec)
    assert isinstance(plain, dict)
    return plain


def schema(algorithm: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one algorithm's spec, complete in itself."""
    info = ALGORITHMS[algorithm]
    return json_schema(info.spec_type, title=info.title, description=info.summary)


def presets(algorithm: str) -> list[dict[str, Any]]:
    """Specs ready to run: name, title, source (where the numbers come from) and spec."""
    return [
        {**preset, "spec": as_dict(parse(preset["spec"]))}
        for preset in PRESETS
        if preset["spec"]["algorithm"] == algorithm
    ]


def sources(algorithm: str) -> tuple[str, ...]:
    """Names of the episode sources an algorithm can train on."""
    annotation = msgspec.structs.fields(ALGORITHMS[algorithm].spec_type)
    union = next(get_args(field.type)[0] for field in annotation if field.name == "episodes")
    return tuple(str(kind.__struct_config__.tag) for kind in get_args(union) or (union,))


def _path_and_message(text: str) -> tuple[str, str]:
    """Split msgspec's "Expected ... - at `$.outer.steps`" into its path and its message."""
    message, marker, path = text.rpartition(" - at `$")
    if not marker:
        return "", text
    return path.rstrip("`").lstrip("."), message


def _check_relations(spec: Spec) -> None:
    """What a JSON schema cannot say: relations between fields."""
    episodes = spec.episodes
    if isinstance(episodes, SinusoidEpisodes):
        if episodes.amplitude_low > episodes.amplitude_high:
            raise SpecError("episodes.amplitude_low", "is above amplitude_high")
        if isinstance(spec.network, Conv4):
            raise SpecError("network.kind", "conv4 takes images; sinusoid needs mlp")
        return
    query = max(episodes.query, spec.evaluation.query)
    if episodes.shot + query > 20:
        raise SpecError("episodes.shot", f"{episodes.shot} + {query} query drawings: a character "
                        "has 20")  # fmt: skip
    kept = episodes.validation_characters
    if kept >= episodes.train_characters:
        raise SpecError("episodes.validation_characters", "must be below train_characters")
    if kept < episodes.way and (spec.evaluation.every or hasattr(spec, "fine_tuning")):
        raise SpecError("episodes.validation_characters", f"{kept} cannot make {episodes.way}-way "
                        "validation episodes; set evaluation.every to 0 or keep more")  # fmt: skip
