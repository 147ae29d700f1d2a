"""Which values fit an option of `start` or of an integration: one rule each, told alike everywhere.

The limits are the server's: a start that it refuses would keep all of its run from it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from metascope._run import LEAST_STEP, MOST_STEP, Run
from metascope._values import plain

LONGEST_TITLE, LONGEST_NOTES = 200, 100_000
MOST_TAGS, LONGEST_TAG = 100, 120
LONGEST_SHOWN = 80  # of a value that does not fit
_SLUG = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
_PROJECT = re.compile(rf"(?:{_SLUG}/)?{_SLUG}")
_ORIGIN = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True)
class Rule:
    """`is_kind`: of the right type, which `fits` may then rely on; `wanted` says both."""

    wanted: str
    is_kind: Callable[[Any], bool]
    fits: Callable[[Any], bool] = lambda value: True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    """NumPy's and torch's, too; True and False are none."""
    found = plain(value)
    return type(found) is int or (type(found) is float and found.is_integer())


def _is_short(value: str, most: int, allowed: str = "") -> bool:
    """And can be shown: no control character but those allowed, no lone surrogate."""
    value = value.strip()
    return len(value) <= most and all(
        one in allowed or unicodedata.category(one) not in ("Cc", "Cs") for one in value
    )


_TITLE = Rule(
    f"a text of one line of at most {LONGEST_TITLE} characters", _is_text,
    lambda value: _is_short(value, LONGEST_TITLE),
)  # fmt: skip
_NOTES = Rule(
    f"a text of at most {LONGEST_NOTES:,} characters", _is_text,
    lambda value: _is_short(value, LONGEST_NOTES, "\n\r\t"),
)  # fmt: skip


def _are_tags(value: Any) -> bool:
    return (
        isinstance(value, (Sequence, Set))
        and not isinstance(value, (str, bytes))
        and all(isinstance(one, str) for one in value)
    )


_FLAG = Rule(
    "True or False", lambda value: type(plain(value)) in (bool, int), lambda v: v in (0, 1)
)
_ID = Rule("the id of a run", _is_text)
_NAME = Rule("the name of an artifact, a text", _is_text)
_STEP = Rule("a whole number of 64 bits", _is_whole, lambda value: LEAST_STEP <= value <= MOST_STEP)
_COUNT = Rule("a whole number, 0 or more", _is_whole, lambda value: value >= 0)

# Where a run belongs: without it there is none.
PLACE: Mapping[str, Rule] = {
    "project": Rule(
        'a project, "slug" or "workspace/slug", of 1 to 64 lower-case letters, digits and inner '
        "hyphens each",
        _is_text,
        lambda value: not value or bool(_PROJECT.fullmatch(value)),
    ),
    "parent": Rule("a run of metascope.start, or its id", lambda one: isinstance(one, (Run, str))),
    "resume": _ID,
    "after_step": _STEP,
    "shared": Rule(
        "1 to 64 visible ASCII characters",
        _is_text,
        lambda value: not value or bool(_ORIGIN.fullmatch(value)),
    ),
    "rank": _COUNT,
    "disabled": _FLAG,
}
# What is told of a run, and what it records by itself.
ABOUT: Mapping[str, Rule] = {
    "name": _TITLE,
    "params": Rule("a mapping of names to values", lambda value: isinstance(value, Mapping)),
    "tags": Rule(
        f'a list of at most {MOST_TAGS} texts of 1 to {LONGEST_TAG} characters, such as ["sweep"]',
        _are_tags,
        lambda value: (
            len(value) <= MOST_TAGS
            and all(one.strip() and _is_short(one, LONGEST_TAG) for one in value)
        ),
    ),
    "notes": _NOTES,
    "group": _TITLE,
    "seed": _STEP,
    "console": _FLAG,
    "code": _FLAG,
    "system": _FLAG,
}
OF_START: Mapping[str, Rule] = {**PLACE, **ABOUT}
OF_INTEGRATIONS: Mapping[str, Rule] = {
    "run": Rule("a run that metascope.start gave", lambda value: isinstance(value, Run)),
    "model": _NAME,
    "checkpoints": _NAME,
    "prefix": Rule("a text", _is_text),
    "every_batches": _COUNT,
    "score": _FLAG,
    "models": _FLAG,
}
_RULES: Mapping[str, Rule] = {**OF_START, **OF_INTEGRATIONS}


def misfit(name: str, value: Any) -> TypeError | ValueError | None:
    """Why this value does not fit the option; None where it does, or is None: left out."""
    if value is None:
        return None
    rule = _RULES[name]
    if not rule.is_kind(value):
        return TypeError(_told(name, value, rule))
    if not rule.fits(value):
        return ValueError(_told(name, value, rule))
    return None


def check(**values: Any) -> None:
    """Raises TypeError or ValueError for the first that does not fit the option of its name."""
    for name, value in values.items():
        if error := misfit(name, value):
            raise error


def check_options(project: str, options: Mapping[str, Any]) -> None:
    """Those that are handed on to `start` later. Raises TypeError for one that it does not have,
    TypeError or ValueError for a value that does not fit."""
    known = [name for name in OF_START if name != "project"]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use {', '.join(known)}"
            raise TypeError(f"{name!r} is no option here, nor one of metascope.start: {hint}")
    check(project=project, **options)


def _told(name: str, value: Any, rule: Rule) -> str:
    try:
        found = repr(value)[:LONGEST_SHOWN]
    except Exception:  # it is the script's own, and this is no time to raise
        found = f"of {type(value)}"
    return f"{name} is {found}, which does not fit: use {rule.wanted}"
