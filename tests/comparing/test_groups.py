"""Which runs are one method: by everything but the seed, by their group, or each on its own."""

import pytest

from experiments.comparing import groups
from experiments.models import Run
from tests.factories import make_run

pytestmark = pytest.mark.django_db


def trained(name: str, seed: int, *, lr: float = 0.1, **fields) -> Run:
    params = {"algorithm": "maml", "inner": {"lr": lr}, "seed": seed}
    return make_run(name=name, seed=seed, params=params, **fields)


def test_runs_that_differ_in_the_seed_alone_are_one_group():
    a = [trained(f"maml-s{seed}", seed) for seed in range(3)]
    b = [trained(f"maml-s{seed}", seed, lr=0.2) for seed in range(2)]

    first, second = groups.group([a[0], b[0], a[1], a[2], b[1]], "seedless")

    assert first.run_ids == tuple(run.pk for run in a)
    assert first.seeds == (0, 1, 2)
    assert second.run_ids == tuple(run.pk for run in b)
    assert first.name == f"maml #{a[0].number}"  # two groups would be called maml
    assert second.name == f"maml #{b[0].number}"


def test_a_newer_run_of_a_seed_stands_for_the_older():
    old, new = trained("maml-s0", 0), trained("maml-s0", 0)

    (found,) = groups.group([old, new], "seedless")

    assert found.run_ids == (new.pk,)
    assert found.superseded == (old.pk,)
    assert found.key == new.pk


def test_by_group_runs_of_none_are_on_their_own():
    a = [trained("x", seed, lr=seed, group="mine") for seed in range(2)]
    alone = [trained("y", 0), trained("z", 0)]

    found = groups.group([*a, *alone], "group")

    assert [one.name for one in found] == ["mine", "y", "z"]
    assert len(found[0].run_ids) == 2


def test_by_run_each_is_a_group():
    runs = [trained("maml-s0", 0), trained("maml-s1", 1)]

    assert [one.name for one in groups.group(runs, "run")] == ["maml-s0", "maml-s1"]


def test_methods_are_what_is_compared_when_each_has_several_seeds():
    a = [trained("a", seed) for seed in range(2)]
    b = [trained("b", seed, lr=0.2) for seed in range(2)]

    assert groups.usual([*a, *b]) == "seedless"
    assert groups.usual([*a, b[0]]) == "run"
    assert groups.usual(a) == "run"


def test_the_seed_is_no_difference():
    assert groups.differences(trained("a", 0), trained("b", 1)) == []
    assert groups.differences(trained("a", 0), trained("b", 0, lr=0.3)) == ["inner.lr"]
