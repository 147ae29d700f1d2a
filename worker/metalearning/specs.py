"""What a job may ask for: one validated spec per algorithm, its JSON schema and its presets.

No torch here: the web side reads these schemas in a process without it. Defaults live in the fields
of these structs and nowhere else; the form, the REST validation and the schema come from them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from worker.metalearning.errors import SpecError
from worker.metalearning.presets import PRESETS
from worker.metalearning.rules import rules_for
from worker.metalearning.schemas import json_schema
from worker.metalearning.spec_parts import (
    Conv4,
    Evaluation,
    FineTuning,
    Inner,
    Mlp,
    OmniglotEpisodes,
    Outer,
    ReptileInner,
    SinusoidEpisodes,
    shown,
)

__all__ = [
    "ALGORITHMS",
    "AlgorithmInfo",
    "Conv4",
    "Evaluation",
    "FineTuning",
    "FomamlSpec",
    "Inner",
    "MamlSpec",
    "Mlp",
    "OmniglotEpisodes",
    "OracleSpec",
    "Outer",
    "PretrainedSpec",
    "RandomInitSpec",
    "ReptileInner",
    "ReptileSpec",
    "SinusoidEpisodes",
    "Spec",
    "SpecError",
    "as_dict",
    "parse",
    "presets",
    "schema",
    "sources",
]

Seed = Annotated[
    int,
    shown("Seed", "Seed of everything random in training.", group="Run", ge=0, le=2**31 - 1),
]
LogEvery = Annotated[
    int,
    shown(
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
    shown(
        "Checkpoint every",
        "Save a resumable checkpoint every so many meta-steps, besides those every 15 s of a job.",
        unit="meta-steps",
        group="Run",
        ge=0,
        le=10_000_000,
    ),
]


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
_INNER = Meta(title="Inner loop", description="Adaptation to an episode.")
InnerLoop = Annotated[Inner, _INNER]
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

    inner: Annotated[ReptileInner, _INNER] = msgspec.field(default_factory=ReptileInner)
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
    family: str = "meta-learning"


_FINN = "Finn, Abbeel, Levine: Model-Agnostic Meta-Learning for Fast Adaptation (arXiv:1703.03400)"
_NICHOL = "Nichol, Achiam, Schulman: On First-Order Meta-Learning Algorithms (arXiv:1803.02999)"

# In the order that a newcomer tries them: lists show them so.
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
            spec_type=PretrainedSpec, family="baseline",
            summary="Baseline: one network trained on all episodes pooled, then fine-tuned.",
        ),
        AlgorithmInfo(
            name="random_init", title="Random initialisation", year=2017, paper=_FINN,
            spec_type=RandomInitSpec, family="baseline",
            summary="Baseline: learns each episode from scratch, with no meta-training.",
        ),
        AlgorithmInfo(
            name="oracle", title="Oracle", year=2017, paper=_FINN, spec_type=OracleSpec,
            family="baseline",
            summary="Upper bound: receives each sinusoid's amplitude and phase as inputs.",
        ),
    )
}  # fmt: skip


def parse(spec: Mapping[str, Any]) -> Spec:
    """The validated spec; raises SpecError with the path of what is wrong."""
    algorithm = spec.get("algorithm")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise SpecError("algorithm", _unknown_algorithm(algorithm))
    try:
        parsed = msgspec.convert(dict(spec), ALGORITHMS[algorithm].spec_type)
    except msgspec.ValidationError as error:
        raise SpecError(*_path_and_message(str(error))) from None
    written_out = as_dict(parsed)
    for rule in rules_for(algorithm, sources(algorithm)):
        if message := rule.broken(written_out):
            raise SpecError(rule.field, message)
    return parsed


def _unknown_algorithm(algorithm: object) -> str:
    close = difflib.get_close_matches(str(algorithm).lower(), ALGORITHMS, n=1)
    hint = f". Did you mean {close[0]!r}?" if close else ""
    return f"{algorithm!r} is none of {', '.join(ALGORITHMS)}{hint}"


def as_dict(spec: Spec) -> dict[str, Any]:
    """The spec with every default written out, as JSON values."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(spec))
    return plain


def schema(algorithm: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one algorithm's spec, complete in itself.

    What relates fields to each other is under `x-rules` (see rules.py).
    """
    info = ALGORITHMS[algorithm]
    described = json_schema(info.spec_type, title=info.title, description=info.summary)
    described["x-rules"] = rules_for(algorithm, sources(algorithm))
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described))
    return plain


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
