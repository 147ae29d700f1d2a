"""A mean and its interval, rounded together: every line worked by hand."""

import math

import numpy as np
import pytest

from dashboard.comparison.numbers import NO_INTERVAL, DifferenceText, difference_text
from dashboard.measured import MISSING, at_step, measured
from experiments.comparing.statistics import paired
from experiments.rounding import Rounding
from experiments.shapes import Episodes


@pytest.mark.parametrize(
    ("mean", "half_width", "text"),
    [
        (3, 0.2471, "3.00 ± 0.25"),
        (0.45123, 0.01349, "0.451 ± 0.013"),
        (0.45123, 0.0996, "0.45 ± 0.10"),  # 0.0996 is 0.10 in two digits
        (0.45123, 9.96, "0 ± 10"),
        (345.6, 12.3, "346 ± 12"),
        (4567.0, 123.0, "4,570 ± 120"),
        (-0.1234, 0.0021, "−0.1234 ± 0.0021"),
        (-0.001, 0.5, "0.00 ± 0.50"),
        (0.0, 0.00321, "0.0000 ± 0.0032"),
        (0.00001234, 0.0000004, "1.234e−5 ± 0.040e−5"),
        (2.5e9, 3.1e8, "2.50e9 ± 0.31e9"),
        (1e300, 1e299, "1.00e300 ± 0.10e300"),
        (0.4, 0, "0.4 ± 0"),
        (0.2, 1.6e-16, "0.2 ± 0"),  # 600 times 0.2: nothing but rounding
        (0.0, 1.6e-16, "0.0e−16 ± 1.6e−16"),
        (0.412345, None, "0.4123"),
        (-0.412345, math.nan, "−0.4123"),
        (None, None, "NaN"),
        (math.nan, 0.1, "NaN"),
    ],
)
def test_mean_and_half_width_end_at_the_same_decimal(mean, half_width, text):
    assert str(measured(mean, half_width)) == text


@pytest.mark.parametrize(
    ("mean", "half_width", "text"),
    [
        (0.98904, 0.00431, "98.90 % ± 0.43 %"),
        (0.99876, 0.000312, "99.876 % ± 0.031 %"),
        (1.0, 0.0, "100 % ± 0 %"),
        (0.5, 0.25, "50 % ± 25 %"),
    ],
)
def test_accuracies_read_in_percent(mean, half_width, text):
    assert str(measured(mean, half_width, "accuracy")) == text


def test_a_difference_and_the_ends_of_its_interval_share_a_decimal():
    rounding = Rounding.to(0.0149, -0.0123, -0.0272, 0.0026)

    texts = [rounding.signed(value) for value in (-0.0123, -0.0272, 0.0026, 0.0004, 0.0)]

    assert texts == ["−0.012", "−0.027", "+0.003", "+0.000", "0.000"]


def test_the_summary_of_an_evaluation_is_read_by_inner_step():
    numbers = {"mean": [3.0, None], "half_width": [0.2471]}

    assert str(at_step(numbers, 0, "loss")) == "3.00 ± 0.25"
    assert str(at_step(numbers, 1, "loss")) == "NaN"
    assert at_step(numbers, 2, "loss") == at_step(None, 0, "loss") == MISSING


def episodes(*values: float, accuracies: bool = False) -> Episodes:
    """One episode per value, which it has after inner step 0."""
    table = np.array(values)[:, None]
    ids = tuple(f"e{place}" for place in range(len(values)))
    return Episodes(ids, table, table if accuracies else None)


def test_the_difference_of_a_verdict_by_hand():
    # 1, 2, 3: mean 2, deviation 1, half width t(0.975, 2) / sqrt(3) = 4.303 / 1.732 = 2.484.
    found = paired(episodes(0, 0, 0), episodes(1, 2, 3), inner_step=0)

    assert difference_text(found) == DifferenceText("+2.0", "2.0", "[−0.5, +4.5]")


def test_a_difference_of_accuracies_is_in_points():
    # -1, -2, -3 points by the same numbers.
    a, b = episodes(0.5, 0.5, 0.5, accuracies=True), episodes(0.49, 0.48, 0.47, accuracies=True)

    found = paired(a, b, inner_step=0, metric="accuracy")

    assert difference_text(found) == DifferenceText("−2.0", "2.0", "[−4.5, +0.5]")


def test_a_difference_that_has_no_width_or_no_interval():
    same = paired(episodes(0, 0), episodes(0.5, 0.5), inner_step=0)
    single = paired(episodes(0), episodes(-0.5), inner_step=0)

    assert difference_text(same) == DifferenceText("+0.500", "0.500", "[+0.500, +0.500]")
    assert difference_text(single) == DifferenceText("−0.500", "0.500", NO_INTERVAL)
    assert difference_text(None) == DifferenceText("", "", NO_INTERVAL)
