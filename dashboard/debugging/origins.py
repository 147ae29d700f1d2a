"""Where numbers stopped being finite: which metric or layer was first, at which step."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.metric_names import natural
from experiments.shapes import SeriesSummary

MOST = 20
# At one step gradients turn bad before the weights that they change, and both before what is
# computed with them.
CAUSES = ("gradients/", "train", "weights/")


@dataclass(frozen=True)
class Origin:
    """A metric with values that are not finite."""

    key: str
    step: int
    nonfinite: int
    count: int
    after: int  # steps after the first of all


def origins(summaries: Mapping[str, SeriesSummary]) -> list[Origin]:
    """All of them, the earliest first; a machine's own metrics say nothing of training."""
    bad = [
        (summary.first_bad_step, key, summary)
        for key, summary in summaries.items()
        if summary.first_bad_step is not None and not key.startswith("system/")
    ]
    bad.sort(key=lambda one: (one[0], _cause(one[1]), natural(one[1])))
    return [
        Origin(key, step, summary.nonfinite, summary.count, step - bad[0][0])
        for step, key, summary in bad[:MOST]
    ]


def also_first(found: list[Origin]) -> int:
    """How many others were not finite at the step of the first."""
    return sum(one.after == 0 for one in found[1:])


def _cause(key: str) -> int:
    return next((i for i, start in enumerate(CAUSES) if key.startswith(start)), len(CAUSES))
