"""What the name of a metric says: its quantity and inner step, which way is better, and
which one speaks for a run."""

import re
from collections.abc import Iterable

from experiments.comparing.metrics import natural as natural
from experiments.directions import Direction as Direction
from experiments.directions import direction_of_name as direction_of_name

FAMILY = re.compile(r"^(?P<stem>.+)_(?P<counted>step|seen|pulls)_(?P<step>\d+)$")
COUNTED = {"step": "inner steps", "seen": "examples seen", "pulls": "pulls"}

TELLING = ("loss", "acc", "score", "return", "regret")
HELD_OUT = re.compile(r"(val|valid|validation|test)[/_.]")
TRAINED_ON = re.compile(r"train(ing)?[/_.]|[^/]+$")
SETTINGS = re.compile(r"(outer|system)/")


def headline(keys: Iterable[str], main_metric: str) -> str | None:
    """The metric that speaks for a run: its project's main one, else a loss or a score, of held
    out data before training; never how the outer loop or the machine did."""
    found = [key for key in keys if key == main_metric or not SETTINGS.match(key.lower())]
    return min(found, key=lambda key: (key != main_metric, *_place(key)), default=None)


def inner_step(key: str) -> int | None:
    """The inner step a key speaks of, or what else is counted in an episode: 5 for
    "validation/query_loss_step_5" and for "test/query_loss_seen_5"."""
    found = FAMILY.match(key)
    return int(found["step"]) if found else None


def counted_in(key: str) -> str:
    """What the number at the end of a key counts: "inner steps", "examples seen"."""
    found = FAMILY.match(key)
    return COUNTED[found["counted"]] if found else ""


def stem_of(key: str) -> str:
    """The quantity a key speaks of, whatever the inner step."""
    found = FAMILY.match(key)
    return found["stem"] if found else key


def _place(key: str) -> tuple[int, bool, bool, list[int | str]]:
    """Sorts the telling to the front; of those alike losses, and what was adapted before."""
    name = key.lower()
    if not any(word in name for word in TELLING):
        kind = 3
    elif HELD_OUT.match(name):
        kind = 0
    else:
        kind = 1 if TRAINED_ON.match(name) else 2
    return kind, "loss" not in name, inner_step(key) == 0, natural(key)
