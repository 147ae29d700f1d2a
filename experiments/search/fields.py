"""What a filter compares and a table is sorted by."""

import re
from dataclasses import dataclass

from experiments.search.tokens import unquoted

TEXT_FIELDS = {"status": "status", "id": "id", "name": "name", "group": "group"}
NUMBER_FIELDS = {"seed": "seed", "number": "number"}
TIME_FIELDS = {"created": "created_at", "started": "started_at", "finished": "finished_at"}
SUMMARIES = {"last": "last", "min": "least", "max": "most"}
SUMMARY_NAMES = (*SUMMARIES, "best")
KNOWN = (
    "status, id, name, group, parent, user, seed, number, created, started, finished, tags, "
    "tags.KEY, params.KEY, metrics.KEY"
)
_KEYED = re.compile(r"(?P<kind>params|metrics|tags)\.(?P<key>.+)", re.DOTALL)
_SUMMED = re.compile(rf"(?P<name>metrics\..+)\((?P<summary>{'|'.join(SUMMARY_NAMES)})\)", re.DOTALL)


@dataclass(frozen=True)
class Field:
    """What is compared or sorted by: an attribute, or a param, metric or tag by its key."""

    kind: str  # "attribute", "params", "metrics", "tags"
    key: str
    summary: str = "last"  # of a metric: last, min, max, best


def field(text: str) -> Field:
    """A field by its name, as for sorting: "created", "params.lr", "metrics.loss(min)"."""
    name, summary = text, "last"
    if found := _SUMMED.fullmatch(text):
        name, summary = found["name"], found["summary"]
    if keyed := _KEYED.fullmatch(name):
        return Field(keyed["kind"], unquoted(keyed["key"]), summary)
    return Field("attribute", name)
