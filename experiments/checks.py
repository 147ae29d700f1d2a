"""Checks of short texts that several subjects share, and the refusals that they raise."""

import re

from experiments.errors import Conflict, Invalid, NotFound

LONGEST_KEY = 250

_KEY = re.compile(r"[\w/.\-: ]+")


class AlreadyExists(Conflict):
    """The name is taken. MLflow's clients go on at this very code."""

    code = "already_exists"


def invalid(field: str, message: str) -> Invalid:
    """The refusal of a value; `message` continues the field's name and says what to do."""
    return Invalid(f"{field} {message}", fields={field: [message]})


def no_such(what: str, name: str) -> NotFound:
    """The refusal of a name that stands for nothing, or for nothing of the caller's."""
    return NotFound(f"There is no {what} {name[:200]!r}.")


def check_key(field: str, key: str) -> str:
    """The key, if it can name a param, tag or metric. Raises Invalid."""
    if not 1 <= len(key) <= LONGEST_KEY or not _KEY.fullmatch(key):
        raise invalid(
            field,
            f"is {key[:60]!r}: use 1 to {LONGEST_KEY} letters, digits, underscores, slashes, "
            "dashes, dots, colons and spaces.",
        )
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise invalid(field, f"is {key[:60]!r}: leave out empty, '.' and '..' parts between '/'.")
    return key


def check_length(field: str, value: str, most: int) -> str:
    """The text, if it is not too long. Raises Invalid."""
    if len(value) > most:
        raise invalid(field, f"is {len(value):,} characters long; the limit is {most:,}.")
    return value
