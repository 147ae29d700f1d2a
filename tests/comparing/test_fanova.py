"""fANOVA on simulated runs whose shares of variance are known."""

import subprocess
import sys

import numpy as np
import pytest

from experiments.comparing.fanova import NotInstalled, Shares, variance_shares

RUNS = 200
WITHIN = 0.06


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna")


def shares(params: list[dict], values) -> Shares:
    found = variance_shares(params, [float(value) for value in values])
    assert found is not None
    return found


def parts(found: Shares) -> dict[str, float]:
    return {one.key: one.part for one in found.params}


def test_shares_of_a_sum_are_those_of_its_terms(optuna):
    rng = np.random.default_rng(0)
    a, b, c = rng.random((3, RUNS))

    found = shares(
        [{"a": x, "inner": {"b": y}, "c": z} for x, y, z in zip(a, b, c, strict=True)], 3 * a + b
    )

    # The variance of 3a is nine times that of b.
    assert parts(found)["a"] == pytest.approx(0.9, abs=WITHIN)
    assert parts(found)["inner.b"] == pytest.approx(0.1, abs=WITHIN)
    assert parts(found)["c"] == pytest.approx(0, abs=WITHIN)
    assert [one.key for one in found.params] == ["a", "inner.b", "c"]
    assert found.score > 0.9


def test_what_goes_with_two_params_together_is_of_neither(optuna):
    rng = np.random.default_rng(1)
    a, b = rng.choice([-1.0, 1.0], (2, RUNS))

    found = shares([{"a": x, "b": y} for x, y in zip(a, b, strict=True)], a * b)

    assert max(parts(found).values()) < WITHIN
    assert found.together > 1 - 2 * WITHIN


def test_a_param_of_texts_has_its_share(optuna):
    rng = np.random.default_rng(2)
    kinds, b = rng.choice(["maml", "anil", "reptile"], RUNS), rng.random(RUNS)
    level = {"maml": -1.0, "anil": 0.0, "reptile": 1.0}

    found = shares(
        [{"kind": str(k), "b": x} for k, x in zip(kinds, b, strict=True)],
        np.array([level[str(k)] for k in kinds]) + b,
    )

    # The variances are 2/3 and 1/12.
    assert parts(found)["kind"] == pytest.approx(8 / 9, abs=WITHIN)
    assert parts(found)["b"] == pytest.approx(1 / 9, abs=WITHIN)


def test_numbers_of_many_sizes_count_by_their_logarithm(optuna):
    rng = np.random.default_rng(3)
    lr, b = 10 ** rng.uniform(-5, -1, RUNS), rng.random(RUNS)

    found = shares([{"lr": x, "b": y} for x, y in zip(lr, b, strict=True)], np.log10(lr) / 4 + b)

    assert {one.key: one.is_log for one in found.params} == {"lr": True, "b": False}
    assert parts(found)["lr"] == pytest.approx(0.5, abs=WITHIN)
    assert parts(found)["b"] == pytest.approx(0.5, abs=WITHIN)


def test_noise_is_told_by_the_score(optuna):
    rng = np.random.default_rng(4)

    found = shares([{"a": x} for x in rng.random(RUNS)], rng.normal(size=RUNS))

    assert found.score < 0.1


def test_runs_of_one_seed_give_the_same_shares_twice(optuna):
    params = [{"a": place, "b": place % 3} for place in range(20)]

    assert shares(params, range(20)) == shares(params, range(20))


def test_too_few_runs_or_nothing_that_differs_has_no_shares():
    assert variance_shares([{"a": place} for place in range(7)], list(range(7))) is None
    assert variance_shares([{"a": 1}] * 9, list(range(9))) is None
    assert variance_shares([{"a": place} for place in range(9)], [1.0] * 9) is None
    values = [*range(7), float("nan"), float("inf")]
    assert variance_shares([{"a": place} for place in range(9)], values) is None


def test_a_server_without_optuna_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(NotInstalled):
        variance_shares([{"a": place} for place in range(9)], list(range(9)))


def test_pages_do_not_load_what_importances_need():
    code = "import django; django.setup(); import dashboard.urls, sys; "
    code += "print(sorted({'optuna', 'sklearn'} & set(sys.modules)))"

    run = [sys.executable, "-c", code]
    said = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120)

    assert said.stdout.strip().splitlines()[-1] == "[]"
