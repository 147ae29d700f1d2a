"""How differences read: accuracy in points, loss as it is, p values with their correction."""

from experiments.comparing.statistics import Metric

UNITS: dict[Metric, str] = {"accuracy": "points", "loss": "query loss"}


def amount(value: float, metric: Metric) -> str:
    """A mean: accuracy in percent, loss with four digits."""
    return f"{100 * value:.2f} %" if metric == "accuracy" else _digits(value)


def half_width(value: float, metric: Metric) -> str:
    """Half an interval: as many digits as it deserves."""
    return f"{100 * value:.2f} %" if metric == "accuracy" else f"{value:.2g}"


def signed(value: float, metric: Metric) -> str:
    """A difference with its sign: "+0.57" points, "−0.0123" of loss."""
    text = f"{100 * value:+.2f}" if metric == "accuracy" else f"{value:+#.3g}".rstrip(".")
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def size(value: float, metric: Metric) -> str:
    """A difference without its sign."""
    return signed(abs(value), metric).lstrip("+")


def p_text(p_value: float, tests: int) -> str:
    """ "p = 0.03", "p < 0.001 (Holm, 3 tests)"."""
    text = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    return text if tests < 2 else f"{text} (Holm, {tests} tests)"


def _digits(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
