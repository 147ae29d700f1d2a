"""What the columns of an evaluation's tables count: inner steps, or what a learner has seen.

The protocol says it as `axis`. One that says nothing, or something unknown, counts inner steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EpisodeAxis:
    """One way of counting, in words. `one` and `many` are what is counted: "3 inner steps"."""

    one: str
    many: str
    title: str  # of a chart's axis
    start: str  # column 0
    trained: str  # what the column that training went up to is called
    loss: str = "query loss"

    def count(self, number: int) -> str:
        """ "1 inner step", "5 inner steps"."""
        return f"{number:,} {self.one if number == 1 else self.many}"

    def place(self, number: int) -> str:
        """A column in few words: "step 5", "5 pulls"."""
        return f"step {number}" if self == INNER_STEPS else self.count(number)

    def after(self, number: int) -> str:
        """ "before adapting", "after 5 inner steps"."""
        return f"after {self.count(number)}" if number else self.start

    def measure(self, metric: str) -> str:
        """ "query loss", "query accuracy"."""
        return self.loss if metric == "loss" else f"query {metric}"

    @property
    def loss_title(self) -> str:
        """Of a chart of the loss."""
        return f"{self.loss.capitalize()} against {self.title}"

    @property
    def accuracy_title(self) -> str:
        """Of a chart of the accuracy."""
        return f"Query accuracy against {self.title}"


INNER_STEPS = EpisodeAxis(
    one="inner step",
    many="inner steps",
    title="inner step",
    start="before adapting",
    trained="trained inner steps",
)
EXAMPLES = EpisodeAxis(
    one="example seen",
    many="examples seen",
    title="examples seen",
    start="before any example",
    trained="examples in training",
)
EXAMPLES_OF_A_CLASS = EpisodeAxis(
    one="example of the class seen",
    many="examples of the class seen",
    title="examples of the class seen",
    start="before any of the class",
    trained="examples of a class in training",
)
PULLS = EpisodeAxis(
    one="pull",
    many="pulls",
    title="pulls",
    start="before the first pull",
    trained="pulls in training",
    loss="regret",
)
MIXED = EpisodeAxis(
    one="step or example",
    many="steps or examples",
    title="inner step, or examples seen",
    start="at the start",
    trained="as in training",
)


def axis_of(protocol: Mapping[str, Any]) -> EpisodeAxis:
    """What an evaluation under this protocol counts."""
    if protocol.get("axis") == "examples_seen":
        return EXAMPLES_OF_A_CLASS if protocol.get("way") else EXAMPLES
    return PULLS if protocol.get("axis") == "pulls" else INNER_STEPS


def common_axis(axes: Iterable[EpisodeAxis]) -> EpisodeAxis:
    """The one that all have; `MIXED` where they differ; inner steps where there is none."""
    found = set(axes)
    if not found:
        return INNER_STEPS
    return found.pop() if len(found) == 1 else MIXED
