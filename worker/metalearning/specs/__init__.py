"""What a job may ask for: one validated spec per algorithm, its JSON schema and its presets.

No torch here: the web side reads these schemas in a process without it. Defaults live in the fields
of these structs and nowhere else; the form, the REST validation and the schema come from them.
A module holds the specs of one family, a module of `presets` what is ready to run of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from worker.metalearning import user_networks
from worker.metalearning.errors import SpecError
from worker.metalearning.specs.bandits import (
    BANDIT_RULES,
    REINFORCEMENT,
    BanditRuleSpec,
    BanditSpec,
    PolicyGradient,
    Rl2Spec,
)
from worker.metalearning.specs.base import AdaptingSpec, AlgorithmInfo, Spec
from worker.metalearning.specs.baselines import (
    BASELINES,
    OracleSpec,
    PretrainedSpec,
    RandomInitSpec,
)
from worker.metalearning.specs.gradient_based import (
    GRADIENT_BASED,
    AnilSpec,
    FomamlSpec,
    MamlPlusPlusSpec,
    MamlSpec,
    MetaSgdSpec,
    ReptileSpec,
)
from worker.metalearning.specs.metric import (
    METRIC,
    MatchingSpec,
    MetricSpec,
    PrototypicalSpec,
    RelationSpec,
    SiameseSpec,
)
from worker.metalearning.specs.optimizer import (
    HAND_MADE,
    HAND_MADE_RULES,
    OPTIMIZERS,
    HandMadeSpec,
    HandMadeTuning,
    LstmOptimizerSpec,
    MetaLstmInner,
    MetaLstmSpec,
    OptimizerTrials,
    OptimizingSpec,
    RateTuning,
)
from worker.metalearning.specs.parts import (
    BanditEpisodes,
    Conv4,
    ConvEncoder,
    Evaluation,
    FineTuning,
    Inner,
    MamlPlusPlusChanges,
    Mlp,
    ModuleNetwork,
    OmniglotEpisodes,
    Outer,
    ReptileInner,
    SinusoidEpisodes,
    Trials,
)
from worker.metalearning.specs.pictures import GlyphEpisodes, ImageEpisodes
from worker.metalearning.specs.presets import PRESETS
from worker.metalearning.specs.problems import DigitsConv, DigitsMlp, Problems, Quadratics
from worker.metalearning.specs.recurrent import (
    RECURRENT,
    LstmSpec,
    MannSpec,
    RecurrentSpec,
    SnailSpec,
)
from worker.metalearning.specs.rules import rules_for
from worker.metalearning.specs.schemas import json_schema
from worker.metalearning.specs.sequence_networks import (
    LstmNetwork,
    MannNetwork,
    SequenceNetwork,
    SnailNetwork,
)
from worker.metalearning.specs.update_rules import (
    Adam,
    CoordinateLstm,
    HandMade,
    Momentum,
    RmsProp,
    Sgd,
)

__all__ = [
    "ALGORITHMS",
    "HAND_MADE_RULES",
    "Adam",
    "AdaptingSpec",
    "AlgorithmInfo",
    "AnilSpec",
    "BanditEpisodes",
    "BanditRuleSpec",
    "BanditSpec",
    "Conv4",
    "ConvEncoder",
    "CoordinateLstm",
    "DigitsConv",
    "DigitsMlp",
    "Evaluation",
    "FineTuning",
    "FomamlSpec",
    "GlyphEpisodes",
    "HandMade",
    "HandMadeSpec",
    "HandMadeTuning",
    "ImageEpisodes",
    "Inner",
    "LstmNetwork",
    "LstmOptimizerSpec",
    "LstmSpec",
    "MamlPlusPlusChanges",
    "MamlPlusPlusSpec",
    "MamlSpec",
    "MannNetwork",
    "MannSpec",
    "MatchingSpec",
    "MetaLstmInner",
    "MetaLstmSpec",
    "MetaSgdSpec",
    "MetricSpec",
    "Mlp",
    "ModuleNetwork",
    "Momentum",
    "OmniglotEpisodes",
    "OptimizerTrials",
    "OptimizingSpec",
    "OracleSpec",
    "Outer",
    "PolicyGradient",
    "PretrainedSpec",
    "Problems",
    "PrototypicalSpec",
    "Quadratics",
    "RandomInitSpec",
    "RateTuning",
    "RecurrentSpec",
    "RelationSpec",
    "ReptileInner",
    "ReptileSpec",
    "Rl2Spec",
    "RmsProp",
    "SequenceNetwork",
    "Sgd",
    "SiameseSpec",
    "SinusoidEpisodes",
    "SnailNetwork",
    "SnailSpec",
    "Spec",
    "SpecError",
    "Trials",
    "as_dict",
    "parse",
    "presets",
    "schema",
    "sources",
]

# In the order that a newcomer tries them: lists show them so.
ALGORITHMS: dict[str, AlgorithmInfo] = {
    info.name: info
    for info in (
        *GRADIENT_BASED,
        *METRIC,
        *OPTIMIZERS,
        *RECURRENT,
        *REINFORCEMENT,
        *HAND_MADE,
        *BANDIT_RULES,
        *BASELINES,
    )
}


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
    _permit_networks(described)
    described["x-rules"] = rules_for(algorithm, sources(algorithm))
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described))
    return plain


def _permit_networks(described: dict[str, Any]) -> None:
    """Writes into a schema which classes `network.path` may name on this machine."""
    for branch in described["properties"]["network"].get("anyOf", ()):
        if path := branch["properties"].get("path"):
            path["pattern"] = user_networks.pattern()


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
