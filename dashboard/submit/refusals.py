"""What is wrong with a form as asked for, by the name of the field that shows it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from dashboard.submit.bases import Trainers, source_of, sources
from dashboard.submit.schema_fields import ROOT, UnionChoice
from experiments.queue.control import HIGHEST_PRIORITY, LOWEST_PRIORITY
from experiments.wording import did_you_mean, listed, none_of, shown

ALGORITHM = f"{ROOT}.algorithm"
SOURCE = f"{ROOT}.episodes.source"
PRESET = "preset"
PROJECT, PRIORITY = "project", "priority"
Messages = dict[str, list[str]]

_WHOLE = re.compile(r"0|-?[1-9]\d?")
# The form asks for seeds beside the spec, and sends one of them inside it.
SHOWN_AT = {f"{ROOT}.seed": "seeds"}


def unknown_names(
    trainers: Trainers,
    asked: QueryDict,
    *,
    algorithm: str,
    start: Mapping[str, Any],
    unions: Sequence[UnionChoice],
) -> Messages:
    """Names that an address or a sent form gives and nothing here has. `algorithm` is the one
    shown; the others are judged by what it announced. `start` is the spec that is copied, if any.
    """
    trainer = trainers[algorithm]
    found: Messages = {}
    wanted = asked.get("algorithm") or start.get("algorithm")
    if wanted and wanted not in trainers:
        # Presets and sources may be those of the algorithm that is not here.
        return {ALGORITHM: [none_of(wanted, list(trainers))]}
    known = sources(trainer["schema"])
    if (source := _source(asked)) and source not in known:
        found[SOURCE] = [_no_source(source, known, trainer["title"])]
    if preset := asked.get(PRESET):
        found |= _preset_problem(preset, "" if SOURCE in found else source, trainer)
    for union in unions:
        value = asked.get(union.name)
        if union.name != SOURCE and value and value not in union.options:
            found[union.name] = [none_of(value, union.options)]
    return found


def no_priority(text: str) -> Messages:
    """What is wrong with a priority as it was asked for, if anything."""
    if _WHOLE.fullmatch(text) and LOWEST_PRIORITY <= int(text) <= HIGHEST_PRIORITY:
        return {}
    limits = f"choose a whole number from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}."
    return {PRIORITY: [f"{shown(text)} is no priority: {limits}"]}


def by_field(errors: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Messages under the names of fields: "seeds[1]" and "spec.network.hidden[0]" lose their
    place, which the message then says."""
    found: dict[str, tuple[str, ...]] = {}
    for name, messages in errors.items():
        field, bracket, place = name.partition("[")
        field = SHOWN_AT.get(field, field)
        if bracket:
            index = place.partition("]")[0]
            entry = f"Entry {int(index) + 1}: " if index.isdecimal() else ""
            messages = [f"{entry}{message}" for message in messages]
        found[field] = (*found.get(field, ()), *messages)
    return found


def _source(asked: QueryDict) -> str:
    return asked.get("source") or asked.get(SOURCE) or ""


def _no_source(source: str, known: Sequence[str], title: str) -> str:
    hint = did_you_mean(source, known)
    return f"{title} has no episodes called {shown(source)}: choose one of {listed(known)}.{hint}"


def _preset_problem(preset: str, source: str, trainer: Mapping[str, Any]) -> Messages:
    offered = {one["name"]: source_of(one["spec"]) for one in trainer.get("presets", ())}
    if preset not in offered:
        return {PRESET: [none_of(preset, list(offered)) if offered else "There are no presets."]}
    if source and offered[preset] != source:
        message = f"{shown(preset)} is for {offered[preset]} episodes, and {source} was asked for."
        return {PRESET: [message]}
    return {}
