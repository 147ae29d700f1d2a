"""Whether lower or higher is better, as far as the name of a metric says."""

from typing import Literal

HIGHER = ("acc", "reward", "return", "score", "f1", "auc", "recall", "precision", "per_second")
LOWER = ("error", "mse", "mae", "nll", "perplexity", "regret", "seconds", "memory")

MACHINE = "system/"  # what a client measures of the machine by itself: neither good nor bad

Direction = Literal["min", "max", ""]


def direction_of_name(key: str) -> Direction:
    """Whether lower or higher is better; "" where the name does not say."""
    name = key.lower()
    if name.startswith(MACHINE):
        return ""
    if "loss" in name:
        return "min"
    if any(word in name for word in HIGHER):
        return "max"
    return "min" if any(word in name for word in LOWER) else ""
