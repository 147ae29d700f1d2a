"""What goes along with a metric: ranks, against SciPy, and who is left out."""

import numpy as np
import pytest
from scipy import stats

from experiments import lifecycle, recording
from experiments.comparing import association
from tests.factories import make_project

pytestmark = pytest.mark.django_db

RNG = np.random.default_rng(0)


def trained(project, loss: float | None, **params):
    run = lifecycle.create_run(project=project, user=None, params=params)
    if loss is not None:
        series = recording.parse_series(
            {"series": [{"key": "loss", "steps": [0], "values": [loss]}]}
        )
        recording.record(run_id=run.pk, client="c", number=0, series=series)
    return run


def ranked(project, *keys):
    return association.rank(project, keys, metric="loss", stat="last")


def test_numbers_are_ranked_as_scipy_ranks_them():
    x, y = RNG.integers(0, 6, 30).astype(float), RNG.normal(size=30)

    correlation, p_value = association.spearman(x, y)

    expected = stats.spearmanr(x, y)
    assert correlation == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_levels_are_tested_as_scipy_tests_them():
    levels, y = list("abcab" * 6), RNG.integers(0, 9, 30).astype(float)

    share, p_value = association.kruskal(levels, y)

    parts = [y[np.array(levels) == one] for one in "abc"]
    expected = stats.kruskal(*parts)
    assert share == pytest.approx(expected.statistic / 29)
    assert p_value == pytest.approx(expected.pvalue)


def test_what_matters_comes_before_what_does_not_and_both_say_their_n():
    project = make_project()
    for i in range(24):
        rate, kind = 0.1 * (i % 6), "ab"[RNG.integers(2)]
        trained(project, rate + 0.01 * RNG.normal(), rate=rate, kind=kind)

    found = ranked(project, "kind", "rate")

    first, second = found.rows
    assert (first.key, first.kind, first.runs) == ("rate", "number", 24)
    assert first.correlation > 0.9
    assert first.holm_p < 0.001
    assert (second.key, second.kind) == ("kind", "level")
    assert second.share < 0.3
    assert sum(count for _, count, _ in second.levels) == 24


def test_too_few_runs_or_values_say_nothing():
    project = make_project()
    for i in range(6):
        trained(project, float(i), same=1, name=f"run {i}", **({"rare": i} if i < 4 else {}))

    found = ranked(project, "same", "name", "rare", "absent")

    assert found.rows == ()
    assert found.untold == ("same", "name", "rare", "absent")
    assert found.runs == 6


def test_runs_without_the_metric_archived_or_elsewhere_do_not_count():
    project = make_project()
    for i in range(6):
        trained(project, float(i), rate=i)
    trained(project, None, rate=9)
    trained(make_project(slug="other"), 5.0, rate=9)
    archived = trained(project, 5.0, rate=9)
    lifecycle.finish_client_run(archived)
    lifecycle.archive(archived)

    (one,) = ranked(project, "rate").rows

    assert one.runs == 6
    assert one.share == pytest.approx(1)
