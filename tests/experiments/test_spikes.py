"""Spikes: found where they were put, and nowhere else."""

import numpy as np
import pytest

from experiments.spikes import spikes

COUNT = 2_000


def series(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A falling loss with normal noise."""
    steps = np.arange(COUNT) * 10
    noise = 0.02 * np.random.default_rng(seed).normal(size=COUNT)
    return steps, 1.79e9 + steps / 10.0, 1 + np.exp(-np.arange(COUNT) / 300) + noise


def test_spikes_are_found_where_they_are_with_their_time_and_what_was_usual():
    steps, times, values = series()
    values[700] += 2
    values[1500] += 1

    first, second = spikes(steps, times, values)

    assert (first.step, second.step) == (7000, 15000)
    assert first.time == times[700]
    assert first.value == values[700]
    assert first.usual == pytest.approx(1.1, abs=0.05)
    assert first.spreads > second.spreads > 8


@pytest.mark.parametrize("seed", range(20))
def test_normal_noise_has_no_spikes(seed):
    assert spikes(*series(seed)) == []


def test_a_stretch_of_high_values_is_one_spike_at_its_highest():
    steps, times, values = series()
    values[700:703] += [1, 3, 2]

    assert [one.step for one in spikes(steps, times, values)] == [7010]


def test_values_that_are_not_finite_are_no_spikes_and_hide_none():
    steps, times, values = series()
    values[600:650] = np.nan
    values[650] = np.inf
    values[700] += 2

    assert [one.step for one in spikes(steps, times, values)] == [7000]


def test_the_most_are_kept_in_the_order_of_their_steps():
    steps, times, values = series()
    for place, height in ((500, 1.0), (900, 3.0), (1300, 2.0)):
        values[place] += height

    assert [one.step for one in spikes(steps, times, values, most=2)] == [9000, 13000]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 5, [0.0] * 100, [3.0] * 100])
def test_short_and_constant_series_have_none(values):
    numbers = np.array(values)

    assert spikes(np.arange(len(numbers)), numbers, numbers) == []
