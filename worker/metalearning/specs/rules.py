"""Rules that relate a spec's fields to each other, where a JSON schema alone cannot (no torch).

They are data: `specs.parse` evaluates them here, and each algorithm's schema announces them under
`x-rules`, so that whoever validates a job before it is queued can evaluate them as well.
`experiments/spec_rules.py` documents the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

DRAWINGS = 20  # of each character of Omniglot, and of each drawn glyph
_PLACE = re.compile(r"\{([\w.]+)\}")


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`field` breaks the rule with `message`, if every `when` and no `unless` holds.

    A rule judges either that the field's value is `allowed`, or that the `sum` of values and
    numbers is `at_most` another. A rule that reads a field the spec lacks does not apply.
    """

    field: str
    message: str
    when: dict[str, tuple[Any, ...]] = {}
    unless: dict[str, tuple[Any, ...]] = {}
    allowed: tuple[Any, ...] = ()
    sum: tuple[str | float, ...] = ()
    at_most: str | float | None = None

    def broken(self, spec: Mapping[str, Any]) -> str | None:
        """What is wrong with the spec (as JSON values, defaults written out); None if nothing."""
        if any(_at(spec, path) not in values for path, values in self.when.items()):
            return None
        if any(_at(spec, path) in values for path, values in self.unless.items()):
            return None
        if self._holds(spec):
            return None
        return _PLACE.sub(lambda place: str(_at(spec, place[1])), self.message)

    def _holds(self, spec: Mapping[str, Any]) -> bool:
        if self.at_most is None:
            value = _at(spec, self.field)
            return value is None or value in self.allowed
        *terms, limit = (_at(spec, term) for term in (*self.sum, self.at_most))
        return None in (*terms, limit) or bool(sum(terms) <= limit)


def _at(spec: Mapping[str, Any], term: str | float) -> Any:
    """The value at a dotted path, None if there is none; a number stands for itself."""
    if not isinstance(term, str):
        return term
    value: Any = spec
    for key in term.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


RULES = (
    Rule(
        field="episodes.pulls",
        when={"algorithm": ("bandit_rule",), "rule": ("gittins",)},
        sum=("episodes.pulls",),
        at_most=100,
        message="{episodes.pulls} pulls are too many for a table of Gittins indices, which grows "
        "with their cube: use 100 or less.",
    ),
    Rule(
        field="network.kind",
        when={"episodes.source": ("sinusoid",)},
        allowed=("mlp", "module", "lstm", "mann", "snail"),
        message="{network.kind} takes images, and sinusoid episodes are points: choose mlp, or a "
        "module of your own.",
    ),
    Rule(
        field="episodes.amplitude_low",
        when={"episodes.source": ("sinusoid",)},
        sum=("episodes.amplitude_low",),
        at_most="episodes.amplitude_high",
        message="{episodes.amplitude_low} is above the highest amplitude: use "
        "{episodes.amplitude_high} or less, or raise amplitude_high.",
    ),
    Rule(
        field="episodes.shot",
        when={"episodes.source": ("omniglot", "glyphs")},
        sum=("episodes.shot", "episodes.query"),
        at_most=DRAWINGS,
        message="{episodes.shot} support and {episodes.query} query drawings are more than the "
        f"{DRAWINGS} that a character has: lower shot or query.",
    ),
    Rule(
        field="evaluation.query",
        when={"episodes.source": ("omniglot", "glyphs")},
        sum=("episodes.shot", "evaluation.query"),
        at_most=DRAWINGS,
        message="{episodes.shot} support and {evaluation.query} query drawings at test are more "
        f"than the {DRAWINGS} that a character has: lower evaluation.query or episodes.shot.",
    ),
    Rule(
        field="episodes.validation_characters",
        when={"episodes.source": ("omniglot",)},
        sum=("episodes.validation_characters", "episodes.way"),
        at_most="episodes.train_characters",
        message="{episodes.validation_characters} of {episodes.train_characters} training "
        "characters leave fewer than {episodes.way} to make {episodes.way}-way episodes for "
        "meta-training: keep fewer for validation, or raise train_characters.",
    ),
    Rule(
        field="inner.unroll",
        when={"algorithm": ("lstm_optimizer",)},
        sum=("inner.unroll",),
        at_most="inner.steps",
        message="{inner.unroll} steps are more than the horizon of {inner.steps}: use a shorter "
        "unroll, or a longer horizon.",
    ),
    Rule(
        field="evaluation.query",
        when={"episodes.source": ("quadratics",)},
        allowed=(0,),
        message="{evaluation.query} digits: the loss of a quadratic is of no digits, use 0.",
    ),
    Rule(
        field="network.pooled",
        when={"algorithm": ("relation",)},
        allowed=(1, 2),
        message="{network.pooled} blocks with pooling leave too small maps for the relation "
        "module, which halves them twice again: use 1 or 2.",
    ),
    Rule(
        field="train_way",
        when={
            "episodes.source": ("omniglot",),
            "algorithm": ("prototypical", "matching", "siamese", "relation"),
        },
        sum=("train_way", "episodes.validation_characters"),
        at_most="episodes.train_characters",
        message="{episodes.train_characters} training characters, of which "
        "{episodes.validation_characters} are kept for validation, cannot make {train_way}-way "
        "episodes: use a smaller train_way.",
    ),
    Rule(
        field="episodes.validation_characters",
        when={"episodes.source": ("omniglot",)},
        unless={"evaluation.every": (0,), "algorithm": ("random_init",)},
        sum=("episodes.way",),
        at_most="episodes.validation_characters",
        message="{episodes.validation_characters} characters cannot make {episodes.way}-way "
        "validation episodes: use {episodes.way} or more, or set evaluation.every to 0.",
    ),
    Rule(
        field="episodes.validation_characters",
        when={"episodes.source": ("omniglot",), "algorithm": ("random_init",)},
        sum=("episodes.way",),
        at_most="episodes.validation_characters",
        message="{episodes.validation_characters} characters cannot make the {episodes.way}-way "
        "validation episodes that the step size is chosen on: use {episodes.way} or more.",
    ),
    Rule(
        field="episodes.train_classes",
        when={"episodes.source": ("glyphs",)},
        sum=("episodes.way",),
        at_most="episodes.train_classes",
        message="{episodes.train_classes} training characters cannot make {episodes.way}-way "
        "episodes: use {episodes.way} or more.",
    ),
    Rule(
        field="episodes.test_classes",
        when={"episodes.source": ("glyphs",)},
        sum=("episodes.way",),
        at_most="episodes.test_classes",
        message="{episodes.test_classes} test characters cannot make {episodes.way}-way episodes: "
        "use {episodes.way} or more.",
    ),
    Rule(
        field="train_way",
        when={
            "episodes.source": ("glyphs",),
            "algorithm": ("prototypical", "matching", "siamese", "relation"),
        },
        sum=("train_way",),
        at_most="episodes.train_classes",
        message="{episodes.train_classes} training characters cannot make {train_way}-way "
        "episodes: use a smaller train_way.",
    ),
    Rule(
        field="episodes.validation_classes",
        when={"episodes.source": ("glyphs",)},
        unless={"evaluation.every": (0,), "algorithm": ("random_init",)},
        sum=("episodes.way",),
        at_most="episodes.validation_classes",
        message="{episodes.validation_classes} characters cannot make {episodes.way}-way "
        "validation episodes: use {episodes.way} or more, or set evaluation.every to 0.",
    ),
    Rule(
        field="episodes.validation_classes",
        when={"episodes.source": ("glyphs",), "algorithm": ("random_init",)},
        sum=("episodes.way",),
        at_most="episodes.validation_classes",
        message="{episodes.validation_classes} characters cannot make the {episodes.way}-way "
        "validation episodes that the step size is chosen on: use {episodes.way} or more.",
    ),
)


def rules_for(algorithm: str, sources: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules that can apply to an algorithm that trains on these episode sources."""
    possible = {"algorithm": {algorithm}, "episodes.source": set(sources)}
    return tuple(
        rule
        for rule in RULES
        if all(not known.isdisjoint(rule.when.get(path, known)) for path, known in possible.items())
    )
