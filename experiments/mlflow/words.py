"""Words, limits and refusals that all of MLflow's subjects share."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from experiments.checks import AlreadyExists as AlreadyExists
from experiments.checks import check_key as check_key
from experiments.checks import check_length as check_length
from experiments.checks import invalid as invalid
from experiments.checks import no_such as no_such

Record = dict[str, Any]  # JSON as MLflow words it
Tags = Mapping[str, str]

LONGEST_PARAM = 6_000
LONGEST_RUN_TAG = 8_000
LONGEST_EXPERIMENT_TAG = 20_000
LATEST_MS = 32_503_680_000_000  # the year 3000


def check_tags(tags: Tags, most: int) -> Tags:
    """The tags, if their keys and the lengths of their values can be stored. Raises Invalid."""
    for key, value in tags.items():
        check_key("tags.key", key)
        check_length(f"The value of tag {key!r}", value, most)
    return tags


def of_run(tags: Tags) -> Tags:
    """Tags of a run, values that are too long cut as MLflow's server does. Raises Invalid."""
    for key in tags:
        check_key("tags.key", key)
    return {key: value[:LONGEST_RUN_TAG] for key, value in tags.items()}


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
