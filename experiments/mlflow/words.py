"""Words, limits and refusals that all of MLflow's subjects share."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from experiments.errors import Conflict, Invalid, NotFound

Record = dict[str, Any]  # JSON as MLflow words it
Tags = Mapping[str, str]

LONGEST_KEY = 250
LONGEST_PARAM = 6_000
LONGEST_RUN_TAG = 8_000
LONGEST_EXPERIMENT_TAG = 20_000
LATEST_MS = 32_503_680_000_000  # the year 3000

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


def check_tags(tags: Tags, most: int) -> Tags:
    """The tags, if their keys and the lengths of their values can be stored. Raises Invalid."""
    for key, value in tags.items():
        check_key("tags.key", key)
        check_length(f"The value of tag {key!r}", value, most)
    return tags


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def from_ms(field: str, ms: int) -> datetime:
    """The moment. Raises Invalid outside 1970..3000."""
    if not 0 <= ms <= LATEST_MS:
        raise invalid(field, f"is {ms}: use milliseconds since 1970, 0 to {LATEST_MS}.")
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def tag_list(tags: Tags) -> list[Record]:
    """Tags, or params, as MLflow lists them."""
    return [{"key": key, "value": value} for key, value in tags.items()]
