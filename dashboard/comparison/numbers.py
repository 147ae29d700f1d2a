"""How differences read: accuracy in points, loss as it is, p values with their correction."""

from dataclasses import dataclass

from experiments.axes import EpisodeAxis
from experiments.comparing.statistics import Metric, PairedDifference
from experiments.rounding import Rounding, is_noise

NO_INTERVAL = "no interval below 2 episodes"


def unit_of(metric: Metric, axis: EpisodeAxis) -> str:
    """What differences are counted in."""
    return "points" if metric == "accuracy" else axis.loss


@dataclass(frozen=True)
class DifferenceText:
    """A mean difference with its sign, its size without, and its interval: to one decimal."""

    signed: str = ""
    size: str = ""
    interval: str = NO_INTERVAL


def difference_text(paired: PairedDifference | None) -> DifferenceText:
    """ "+0.57", "0.57" and "[+0.14, +1.00]"; accuracies in points."""
    if paired is None or paired.mean is None:
        return DifferenceText()
    return effect_text(paired.mean, paired.interval.low, paired.interval.high, paired.metric)


def effect_text(
    mean: float, low: float | None, high: float | None, metric: Metric
) -> DifferenceText:
    """The same of a mean difference and its bounds, in the metric's own unit."""
    scale = 100.0 if metric == "accuracy" else 1.0
    if low is None or high is None or is_noise((high - low) / 2, mean):
        text = signed(mean, metric)
        bounds = NO_INTERVAL if low is None else f"[{text}, {text}]"
        return DifferenceText(text, text.lstrip("+−"), bounds)
    low, high, mean = low * scale, high * scale, mean * scale
    rounding = Rounding.to((high - low) / 2, mean)
    return DifferenceText(
        signed=rounding.signed(mean),
        size=rounding.text(abs(mean)),
        interval=f"[{rounding.signed(low)}, {rounding.signed(high)}]",
    )


def signed(value: float, metric: Metric) -> str:
    """A difference without an interval, or a place on a scale, with its sign."""
    text = f"{100 * value:+.2f}" if metric == "accuracy" else f"{value:+#.3g}".rstrip(".")
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def p_text(p_value: float, tests: int) -> str:
    """ "p = 0.03", "p < 0.001 (Holm, 3 tests)"."""
    text = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    return text if tests < 2 else f"{text} (Holm, {tests} tests)"
