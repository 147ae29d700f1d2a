"""Which runs have to be evaluated again before a comparison is fair: same episodes, same steps."""

from collections.abc import Mapping

from experiments.comparing import protocol
from experiments.models import Evaluation


def wanting(by_run: Mapping[str, Evaluation | None], *, baseline_id: str) -> dict[str, list[str]]:
    """By run, what its evaluation lacks of the baseline's: titles of what differs.

    Runs whose evaluation is as the baseline's are not in it; without one of the baseline's nobody
    is. What a method is free to choose is no difference.
    """
    baseline = by_run.get(baseline_id)
    if baseline is None:
        return {}
    found: dict[str, list[str]] = {}
    for run_id, one in by_run.items():
        if one is None:
            found[run_id] = ["no evaluation"]
        elif lacking := _lacking(one, baseline):
            found[run_id] = lacking
    return found


def _lacking(one: Evaluation, baseline: Evaluation) -> list[str]:
    return [
        mismatch.title
        for mismatch in protocol.check([baseline, one])
        if mismatch.forbids or (mismatch.field in protocol.SIZES and _is_less(one, baseline))
    ]


def _is_less(one: Evaluation, baseline: Evaluation) -> bool:
    is_shorter = one.axis == baseline.axis and one.inner_steps < baseline.inner_steps
    return one.episode_count < baseline.episode_count or is_shorter
