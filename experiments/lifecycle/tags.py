"""Tags: short printable names, unique within a run."""

from collections.abc import Sequence

from experiments.problems import Problems

MOST_TAGS = 100
LONGEST_TAG = 120


def clean_tags(tags: Sequence[str], problems: Problems) -> list[str]:
    """The tags without blanks around them and without repeats, in the order given."""
    names: dict[str, None] = {}
    for index, tag in enumerate(tags[: MOST_TAGS + 1]):
        names[problems.text(f"tags[{index}]", tag, least=1, most=LONGEST_TAG)] = None
    if len(tags) > MOST_TAGS:
        problems.add("tags", f"Holds {len(tags)} tags; the limit is {MOST_TAGS}.")
    return list(names)
