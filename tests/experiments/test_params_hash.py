"""The number that all params of a run but the seed become, however and whenever they came."""

import importlib
import itertools

import pytest
from django.apps import apps

from experiments import lifecycle
from experiments.mlflow import logging
from experiments.models import Param, ParamsHash
from experiments.params_hash import hash_of
from tests import factories as make

PARAMS = {"lr": "0.1", "net": {"width": "4", "name": "conv"}, "seed": "3"}
FLAT = [("lr", "0.1"), ("net.width", "4"), ("net.name", "conv"), ("seed", "3")]


def stored(run) -> int:
    return ParamsHash.objects.get(run=run).value


def created(project, params):
    return lifecycle.create_run(project=project, user=None, params=params)


def test_no_order_and_no_seed_changes_it():
    hashes = {hash_of(some) for some in itertools.permutations(FLAT)}

    assert hashes == {hash_of(FLAT[:3])}
    assert hash_of([("seed", "1")]) == hash_of([]) == 0


def test_every_key_and_value_changes_it():
    sets = [
        [],
        [("a", "1")],
        [("a", "2")],
        [("b", "1")],
        [("a", "1"), ("b", "2")],
        [("a", "2"), ("b", "1")],
        [("a", "1"), ("b", "1")],
        [("a", "2"), ("b", "2")],
    ]

    assert len(set(map(hash_of, sets))) == len(sets)


def test_it_has_64_bits_with_a_sign():
    hashes = [hash_of([("lr", str(n))]) for n in range(2_000)]

    assert all(-(2**63) <= one < 2**63 for one in hashes)
    assert min(hashes) < -(2**61)
    assert max(hashes) > 2**61


@pytest.mark.django_db
def test_params_that_come_one_by_one_are_those_that_came_at_once():
    project = make.make_project()
    whole = created(project, PARAMS)
    late, single = created(project, {"lr": "0.1"}), created(project, {})
    lifecycle.set_params(late, {"net": {"width": "4"}, "lr": "0.1"})
    lifecycle.set_params(late, {"net": {"name": "conv"}})
    for pair in reversed(FLAT):
        logging.log(single.pk, params=[pair])

    assert stored(whole) == stored(late) == stored(single) == hash_of(FLAT)


@pytest.mark.django_db
def test_params_that_are_sent_again_change_nothing():
    run = created(make.make_project(), PARAMS)

    lifecycle.set_params(run, PARAMS)
    logging.log(run.pk, params=FLAT)

    assert stored(run) == hash_of(FLAT)


@pytest.mark.django_db
def test_thousands_that_come_one_after_the_other_keep_64_bits():
    """Their signs meet in every way: the database has no number that is longer."""
    run = created(make.make_project(), {})
    params = [(f"p{n}", str(n)) for n in range(400)]

    for start in range(0, 400, 8):
        logging.log(run.pk, params=params[start : start + 8])

    assert stored(run) == hash_of(params)


@pytest.mark.django_db
def test_it_goes_with_its_run():
    run = created(make.make_project(), PARAMS)

    lifecycle.erase(lifecycle.trash(run))

    assert not ParamsHash.objects.exists()


@pytest.mark.django_db
def test_runs_of_before_get_theirs(monkeypatch):
    project = make.make_project()
    runs = [created(project, {**PARAMS, "lr": n}) for n in range(5)] + [created(project, {})]
    before = dict(ParamsHash.objects.values_list("run", "value"))
    ParamsHash.objects.all().delete()

    migration = importlib.import_module("experiments.migrations.0033_params_hash")
    monkeypatch.setattr(migration, "AT_ONCE", 2)
    migration.write_hashes(apps, None)

    assert dict(ParamsHash.objects.values_list("run", "value")) == before
    assert len(before) == len(runs) - 1 == len(set(before.values()))
    assert Param.objects.values("run").distinct().count() == len(before)
