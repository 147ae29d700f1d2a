"""Estimates over seeds and episodes: by hand, against SciPy, and against data of known truth."""

import itertools

import numpy as np
import pytest
from scipy import stats

from experiments.comparing import permutation, two_level

SIMULATIONS = 300


def simulated(rng, seeds: int, episodes: int, parts, *, effect: float = 0.5):
    """Two (S, E) tables whose means differ by `effect`.

    `parts`: the standard deviations of trainings, of what episodes favour B by, and of the rest.
    """
    of_seed, of_episode, rest = parts
    hard = 2 * rng.normal(size=episodes)

    def table(mean, favour):
        own = of_seed * rng.normal(size=(seeds, 1))
        return mean + hard + favour + own + rest * rng.normal(size=(seeds, episodes))

    return table(0, 0), table(effect, of_episode * rng.normal(size=episodes))


def contrast(a, b, *, paired=True, lower_is_better=False):
    return two_level.contrast(
        np.array(a, dtype=float),
        np.array(b, dtype=float),
        lower_is_better=lower_is_better,
        paired=paired,
    )


def test_hand_worked_example():
    # B - A by episode: 1, 1, 0 and -2; its mean 0. Of the 2 x 2 pairs of seeds B is higher in
    # all of episodes 1 and 2, in none of 4, and ties in 3: (1 + 1 + 1/2 + 0) / 4.
    found = contrast([[1, 2, 3, 4], [1, 2, 3, 4]], [[2, 3, 3, 2], [2, 3, 3, 2]])

    assert found.mean.value == 0
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert found.improvement.value == pytest.approx(0.625)
    assert (found.seeds, found.episodes) == ((2, 2), 4)


def test_lower_is_better_turns_wins_and_improvement_round():
    a, b = [[1, 2, 3, 4], [1, 2, 3, 4]], [[2, 3, 3, 2], [2, 3, 3, 2]]

    found = contrast(a, b, lower_is_better=True)

    assert (found.wins, found.ties, found.losses) == (1, 1, 2)
    assert found.improvement.value == pytest.approx(0.375)


def test_equal_scores_in_another_order_of_seeds_are_ties():
    random = np.random.default_rng(0)
    right = random.integers(0, 16, (2, 3, 600))  # of 15 answers, by 3 seeds on 600 episodes
    a, b = right / 15

    found = two_level.contrast(a, b, lower_is_better=False, paired=True)

    exact = right[1].sum(axis=0) - right[0].sum(axis=0)
    assert found.wins == np.sum(exact > 0)
    assert found.ties == np.sum(exact == 0)
    assert found.losses == np.sum(exact < 0)
    assert np.array_equal(found.differences == 0, exact == 0)


def test_iqm_is_the_trimmed_mean_of_scipy():
    scores = np.random.default_rng(0).exponential(size=(3, 40))

    assert two_level.iqm_of(scores).value == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))


def test_iqm_counts_values_on_its_edge_in_part():
    # Of 5 values the middle half is 2.5: the second, third and fourth by 3/4, 1 and 3/4.
    found = two_level.iqm_of(np.array([[0.0, 1, 2, 4, 100]]))

    assert found.value == pytest.approx((0.75 * 1 + 2 + 0.75 * 4) / 2.5)


def test_probability_of_improvement_is_mann_whitneys_over_episodes():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, (3, 8)).astype(float), rng.integers(0, 4, (5, 8)).astype(float)

    found = two_level.probability_of_improvement(a, b, paired=False)

    by_episode = [stats.mannwhitneyu(b[:, e], a[:, e]).statistic / 15 for e in range(8)]
    assert found.value == pytest.approx(np.mean(by_episode))


def test_a_group_that_always_wins_has_wilsons_interval_over_seeds():
    found = contrast(np.zeros((3, 50)), np.ones((3, 50))).improvement

    expected = stats.binomtest(3, 3).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "95 % Wilson interval, N = 3 seeds"


def test_without_spread_over_episodes_it_is_the_t_interval_over_seeds_of_scipy():
    per_seed = np.array([0.1, 0.5, 0.3, 0.9])
    a, b = np.zeros((4, 30)), np.repeat(per_seed[:, None], 30, axis=1)

    found = contrast(a, b).mean

    expected = stats.ttest_1samp(per_seed, 0).confidence_interval(0.95)
    assert found.freedom == pytest.approx(3)
    assert found.error == pytest.approx(stats.sem(per_seed), rel=0.05)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.06)


def test_unpaired_seeds_without_spread_over_episodes_have_welchs_interval():
    rng = np.random.default_rng(2)
    of_a, of_b = rng.normal(size=5), 1 + 2 * rng.normal(size=7)
    a, b = (np.repeat(one[:, None], 20, axis=1) for one in (of_a, of_b))

    found = contrast(a, b, paired=False)

    expected = stats.ttest_ind(of_b, of_a, equal_var=False)
    assert found.mean.freedom == pytest.approx(expected.df, rel=0.1)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.15)


def test_the_error_is_that_of_analysis_of_variance():
    a, b = simulated(np.random.default_rng(3), 6, 50, (0.5, 1.0, 1.0))

    found = contrast(a, b).mean

    d = b - a
    rows, columns = d.mean(axis=1), d.mean(axis=0)
    rest = d - rows[:, None] - columns + d.mean()
    squares = rest.var() * d.size / (5 * 49)
    expected = np.sqrt((50 * rows.var(ddof=1) + 6 * columns.var(ddof=1) - squares) / d.size)
    assert found.error == pytest.approx(expected, rel=0.08)


def test_seed_permutations_agree_with_scipy():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=5), 1 + rng.normal(size=6)

    found, least, name = permutation.seed_permutation_test(a, b, paired=False)

    def difference(x, y, axis):
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    # SciPy doubles the smaller tail; ours counts both.
    places = itertools.combinations(range(11), 5)
    both = np.concatenate([a, b])
    sums = [abs(both[list(p)].mean() - np.delete(both, p).mean()) for p in places]
    assert found == pytest.approx(np.mean(np.array(sums) >= abs(difference(a, b, 0)) - 1e-12))
    expected = stats.permutation_test((a, b), difference, vectorized=True, alternative="less")
    assert found / 2 == pytest.approx(expected.pvalue, abs=0.01)
    assert least == pytest.approx(1 / 462)
    assert name == "exact permutation of seeds, 462 divisions"


def test_three_paired_seeds_cannot_reach_a_permutation_p_below_a_quarter():
    found = contrast(np.zeros((3, 9)), np.arange(1, 4)[:, None] + np.zeros((3, 9)))

    assert found.seed_p == found.least_seed_p == 0.25


@pytest.mark.parametrize("shape", [(1, 40), (3, 1)])
def test_below_two_seeds_or_episodes_there_is_no_interval(shape):
    scores = np.random.default_rng(5).normal(size=shape)

    found = contrast(scores, scores + 1)

    for one in (found.mean, found.iqm, found.improvement, two_level.mean_of(scores)):
        assert one.low is None
        assert one.high is None
    assert found.p_value is None
    assert two_level.profile(scores, np.zeros(1), lower_is_better=False).low is None


def test_the_same_numbers_give_the_same_interval():
    a, b = simulated(np.random.default_rng(6), 3, 40, (0.3, 0.5, 0.5))

    assert contrast(a, b).iqm == contrast(a.copy(), b.copy()).iqm


def test_identical_groups_have_a_point_at_zero_and_a_p_of_one():
    scores = np.random.default_rng(7).normal(size=(3, 20))

    found = contrast(scores, scores.copy())

    assert (found.mean.low, found.mean.high, found.p_value) == (0, 0, 1)
    assert (found.wins, found.ties, found.losses) == (0, 20, 0)


def slow_iqm(values):
    """By copying every value so often that the quarters are whole."""
    copies = np.sort(np.repeat(values, 4))
    quarter = len(copies) // 4
    return copies[quarter : len(copies) - quarter].mean()


def test_numbers_are_those_of_literal_loops():
    rng = np.random.default_rng(10)
    a, b = rng.normal(size=(3, 7)), rng.normal(size=(4, 7)).round(1)

    wins = [(y > x) + 0.5 * (y == x) for e in range(7) for x in a[:, e] for y in b[:, e]]
    chance = two_level.probability_of_improvement(a, b, paired=False)
    assert chance.value == pytest.approx(np.mean(wins))
    assert two_level.iqm_of(a).value == pytest.approx(slow_iqm(a.ravel()))
    reached = [sum(value >= 0.1 for value in a.ravel()) / a.size]
    found = two_level.profile(a, np.array([0.1]), lower_is_better=False)
    assert found.part.tolist() == pytest.approx(reached)


def test_the_error_of_the_iqm_is_that_of_resamples_drawn_one_by_one():
    a, b = simulated(np.random.default_rng(11), 4, 30, (0.5, 1.0, 0.5))
    rng = np.random.default_rng(12)

    def spread(seeds, episodes):
        found = []
        for _ in range(600):
            s = rng.integers(0, 4, 3) if seeds else np.arange(4)
            e = rng.integers(0, 30, 29) if episodes else np.arange(30)
            found.append(slow_iqm(b[np.ix_(s, e)].ravel()) - slow_iqm(a[np.ix_(s, e)].ravel()))
        return np.var(found, ddof=1)

    v_s, v_e, v_se = spread(True, False), spread(False, True), spread(True, True)
    expected = np.sqrt(max(2 * v_s + 2 * v_e - v_se, v_s, v_e))
    assert contrast(a, b).iqm.error == pytest.approx(expected, rel=0.15)


def test_a_profile_is_the_part_that_reached_each_threshold():
    scores = np.array([[1.0, 2, 3, 4], [3.0, 4, 5, 6]])

    found = two_level.profile(scores, np.array([0.0, 3, 7]), lower_is_better=False)
    lower = two_level.profile(scores, np.array([0.0, 3, 7]), lower_is_better=True)

    assert found.part.tolist() == [1, 6 / 8, 0]
    assert lower.part.tolist() == [0, 4 / 8, 1]
    assert found.low[0] == found.high[0] == 1
    assert 0 <= found.low[1] < 6 / 8 < found.high[1] <= 1


@pytest.mark.parametrize(
    ("seeds", "parts"),
    [
        (3, (0.3, 0.5, 0.5)),  # trainings, episodes and the rest matter alike
        (3, (1.0, 0.0, 0.2)),  # trainings alone
        (5, (0.05, 1.0, 0.5)),  # episodes alone
        (5, (0.3, 0.5, 0.5)),
    ],
)
@pytest.mark.parametrize("paired", [True, False])
def test_intervals_of_the_mean_cover_the_truth_at_their_rate(seeds, parts, paired):
    # 300 data sets: the standard deviation of the rate is 1.3 %, and 3 of them are allowed.
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(SIMULATIONS):
        a, b = simulated(rng, seeds, 40, parts)
        found = two_level.difference_of_means(a, b, paired=paired)
        covered += found.low <= 0.5 <= found.high

    assert 0.95 - 0.038 <= covered / SIMULATIONS <= 0.95 + 0.038


@pytest.mark.slow
def test_intervals_of_iqm_cover_at_their_rate():
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(SIMULATIONS):
        a, b = simulated(rng, 5, 40, (0.3, 0.5, 0.5))
        found = two_level.contrast(a, b, lower_is_better=False, paired=True).iqm
        covered += found.low <= 0.5 <= found.high

    assert abs(covered / SIMULATIONS - 0.95) <= 0.038


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("seeds", "parts", "effect"),
    [
        (3, (1.0, 0.0, 0.2), 0.5),
        (5, (0.3, 0.5, 0.5), 0.5),
        (5, (0.3, 0.5, 0.5), 0.0),
        (5, (0.05, 1.0, 0.5), 0.5),
        (5, (0.3, 0.3, 0.3), 1.2),  # B is nearly always better: the truth is 0.96
    ],
)
def test_intervals_of_improvement_cover_at_their_rate(seeds, parts, effect, paired):
    rng = np.random.default_rng(9)
    # B - A of one pair on one episode is normal, with mean `effect` and this standard deviation.
    spread = np.sqrt(2 * parts[0] ** 2 + parts[1] ** 2 + 2 * parts[2] ** 2)
    truth = stats.norm.cdf(effect / spread)
    covered = 0
    for _ in range(SIMULATIONS):
        a, b = simulated(rng, seeds, 40, parts, effect=effect)
        found = two_level.probability_of_improvement(a, b, paired=paired)
        covered += found.low <= truth <= found.high

    assert abs(covered / SIMULATIONS - 0.95) <= 0.038
