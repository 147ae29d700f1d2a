"""A comparison in one plain sentence, with its interval, what it rests on, and what it cannot say.

Numbers are rounded as far as their interval lets one read them; accuracies are in points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparing import groups
from experiments.comparing.group_verdict import GroupComparison, GroupVerdict
from experiments.comparing.statistics import Metric
from experiments.comparing.two_level import Contrast
from experiments.comparing.value_verdict import GroupValues, ValueComparison, ValueJudgement
from experiments.comparing.verdict import Comparison, Judgement, Verdict
from experiments.models import Run
from experiments.rounding import Rounding, is_noise
from experiments.wording import listed

MOST_NAMED = 3
DECIDED = ("better", "worse", "higher", "lower")


@dataclass(frozen=True)
class Effect:
    """B minus A. `low` and `high` are None where there is no interval."""

    value: float
    low: float | None
    high: float | None


def about(
    names: tuple[str, str],
    judgement: Judgement | ValueJudgement,
    effect: Effect | None,
    *,
    unit: str,
    basis: str,
    differing: Sequence[str] = (),
    each: str = "episode",
) -> str:
    """ "B is better than A by 0.8 points, 95 % interval 0.3 to 1.3, paired on the same 600
    episodes, 3 seeds; B also differs in inner.steps." `names` are of A and of B; `each` is what
    there is one difference of."""
    a, b = names
    if effect is None or judgement in ("excluded", "missing"):
        return f"{b} cannot be compared with {a}: {basis}."
    if judgement in DECIDED:
        sign = 1 if effect.value > 0 else -1
        said = f"{b} is {judgement} than {a} by {_amount(effect, sign)} {unit}"
    elif judgement == "unclear":
        said = f"No clear difference between {b} and {a}: {_amount(effect, 1)} {unit}"
    else:
        said = f"Too little is known to tell {b} from {a}: {_amount(effect, 1)} {unit}"
    also = f"; {b} also differs in {some(differing)}" if differing else ""
    return f"{said}, {_bounds(effect, judgement, each)}, {basis}{also}."


UNITS: dict[Metric, str] = {"accuracy": "points", "loss": "in query loss"}


def about_groups(
    verdict: GroupVerdict, comparison: GroupComparison, differing: Sequence[str]
) -> str:
    """What holds between a group and the baseline's."""
    contrast = comparison.contrast
    return about(
        (verdict.baseline.group.name, comparison.scores.group.name),
        comparison.judgement,
        effect_of(contrast, verdict.metric),
        unit=UNITS[verdict.metric],
        basis=basis_of(contrast) if contrast else _why_not(verdict, comparison),
        differing=differing,
    )


def about_runs(verdict: Verdict, comparison: Comparison, a: Run, b: Run) -> str:
    """What holds between a run and the baseline run `a`."""
    return about(
        (a.name, b.name),
        comparison.judgement,
        effect_of_pair(comparison, verdict.metric),
        unit=UNITS[verdict.metric],
        basis=basis_of_pair(comparison),
        differing=groups.differences(a, b),
    )


def about_values(
    baseline: GroupValues, comparison: ValueComparison, key: str, differing: Sequence[str]
) -> str:
    """What holds between a group and the baseline's by one number of each run."""
    effect = None
    if comparison.mean is not None:
        bounds = comparison.interval
        effect = Effect(comparison.mean, bounds.low, bounds.high)
    return about(
        (baseline.group.name, comparison.group.group.name),
        comparison.judgement,
        effect,
        unit=f"in {key}",
        basis=_basis_of_values(comparison),
        differing=differing,
        each="seed" if comparison.is_seed_paired else "run",
    )


def _basis_of_values(comparison: ValueComparison) -> str:
    first, second = comparison.seeds
    if comparison.mean is None:
        return "one of them has no run with a finite number"
    if comparison.is_seed_paired:
        return f"{first} paired seed{_s(first)}"
    return f"{second} run{_s(second)} against {first}"


def _why_not(verdict: GroupVerdict, comparison: GroupComparison) -> str:
    for scores in (verdict.baseline, comparison.scores):
        if not scores.run_ids:
            reasons = list(dict.fromkeys(scores.left_out.values()))
            return f"{scores.group.name} has no run that counts ({listed(reasons)})"
    return "they have no episode in common that is finite for all"


def effect_of(contrast: Contrast | None, metric: Metric) -> Effect | None:
    """The mean difference of two groups, accuracies in points."""
    if contrast is None:
        return None
    found = contrast.mean
    return _scaled(found.value, found.low, found.high, metric)


def effect_of_pair(comparison: Comparison, metric: Metric) -> Effect | None:
    """The mean difference of two runs, accuracies in points."""
    paired = comparison.paired
    if paired is None or paired.mean is None:
        return None
    return _scaled(paired.mean, paired.interval.low, paired.interval.high, metric)


def basis_of(contrast: Contrast) -> str:
    """What a comparison of groups rests on: "paired on the same 600 episodes, 3 paired seeds"."""
    first, second = contrast.seeds
    if contrast.is_seed_paired:
        seeds = f"{first} paired seed{_s(first)}"
    elif first == second:
        seeds = f"{first} seed{_s(first)} each"
    else:
        seeds = f"{second} seed{_s(second)} against {first}"
    return f"paired on the same {_episodes(contrast.episodes)}, {seeds}"


def basis_of_pair(comparison: Comparison) -> str:
    """What a comparison of two runs rests on."""
    if comparison.paired is None:
        excluded = comparison.judgement == "excluded"
        return "it was measured otherwise" if excluded else "an evaluation is missing"
    return f"paired on the same {_episodes(comparison.paired.count)}, one seed each"


def floor_of(contrast: Contrast | ValueComparison) -> str:
    """What a permutation of the seeds can show at best; "" where that is below 0.05."""
    least = contrast.least_seed_p
    if least is None:
        few = min(contrast.seeds)
        return f"{few} seed{_s(few)} on one side: no test over seeds is possible."
    if least < 0.05:
        return ""
    first, second = contrast.seeds
    kind = f"{first} paired seeds" if contrast.is_seed_paired else f"{first} and {second} seeds"
    return f"{kind} cannot reach a permutation p below {least:.2g}, however large the difference."


def _scaled(value: float, low: float | None, high: float | None, metric: Metric) -> Effect:
    scale = 100.0 if metric == "accuracy" else 1.0
    return Effect(
        scale * value,
        None if low is None else scale * low,
        None if high is None else scale * high,
    )


def _rounding(effect: Effect) -> Rounding | None:
    if effect.low is None or effect.high is None:
        return None
    half = (effect.high - effect.low) / 2
    return None if half <= 0 or is_noise(half, effect.value) else Rounding.to(half, effect.value)


def _amount(effect: Effect, sign: int) -> str:
    rounding = _rounding(effect)
    value = sign * effect.value
    return rounding.text(value) if rounding else f"{value:.3g}".replace("-", "−")


def _bounds(effect: Effect, judgement: Judgement | ValueJudgement, each: str) -> str:
    if effect.low is None or effect.high is None:
        return "without an interval"
    low, high = effect.low, effect.high
    if judgement in DECIDED and effect.value < 0:
        low, high = -high, -low
    rounding = _rounding(effect)
    if rounding is None:
        return f"the same on every {each}"
    return f"95 % interval {rounding.text(low)} to {rounding.text(high)}"


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are; "" for none."""
    shown = list(names[:MOST_NAMED])
    more = len(names) - len(shown)
    return f"{', '.join(shown)} and {more} more" if more else listed(shown)


def _episodes(count: int) -> str:
    return f"{count:,} episode{_s(count)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
