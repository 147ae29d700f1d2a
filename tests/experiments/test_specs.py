"""Specs are checked against what workers announced; every error is named at its field."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from experiments import announcements, specs
from experiments.errors import Invalid
from tests.factories import OMNIGLOT_MISSING, announced_distributions, make_worker
from worker.metalearning import specs as engine


def announced(value):
    """As it comes back from the database: tuples are lists."""
    return json.loads(json.dumps(value))


MAML = announced(engine.schema("maml"))


def errors(spec, schema=MAML):
    with pytest.raises(Invalid) as caught:
        specs.validate(schema, spec)
    return caught.value.fields


@pytest.mark.parametrize("algorithm", list(engine.ALGORITHMS))
def test_every_preset_is_valid_and_comes_back_unchanged(algorithm):
    schema = announced(engine.schema(algorithm))

    for preset in announced(engine.presets(algorithm)):
        assert specs.validate(schema, preset["spec"]) == preset["spec"]


@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "pretrained", "random_init", "oracle"])
def test_defaults_are_those_of_the_engine(algorithm):
    spec = {"algorithm": algorithm}

    filled = specs.validate(announced(engine.schema(algorithm)), spec)

    assert filled == announced(engine.as_dict(engine.parse(spec)))


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"outer": {"lr": -1}}, "spec.outer.lr", "use more than 0"),
        ({"outer": {"lr": float("nan")}}, "spec.outer.lr", "not a finite number"),
        ({"outer": {"lr": "0.1"}}, "spec.outer.lr", "Expected a number, got '0.1'"),
        ({"outer": {"steps": 10**12}}, "spec.outer.steps", "use 10000000 or less"),
        ({"outer": {"steps": True}}, "spec.outer.steps", "Expected a whole number, got true"),
        ({"outer": {"steps": 1.5}}, "spec.outer.steps", "Expected a whole number"),
        ({"outer": 3}, "spec.outer", "Expected an object"),
        ({"outer": {"rate": 1}}, "spec.outer.rate", "There is no such setting"),
        ({"outer": {"optimiser": "adam"}}, "spec.outer.optimiser", "Did you mean 'optimizer'?"),
        ({"outer": {"optimizer": "adm"}}, "spec.outer.optimizer", "Did you mean 'adam'?"),
        ({"episodes": {"source": "sinusoids"}}, "spec.episodes.source", "none of sinusoid"),
        ({"episodes": {"shot": 3}}, "spec.episodes.source", "choose one of sinusoid"),
        ({"episodes": []}, "spec.episodes", "Expected an object"),
        ({"episodes": {"source": "sinusoid", "way": 5}}, "spec.episodes.way", "no such"),
        ({"episodes": {"source": ["x"]}}, "spec.episodes.source", "is none of"),
        ({"network": {"kind": "mlp", "hidden": []}}, "spec.network.hidden", "at least 1"),
        ({"network": {"kind": "mlp", "hidden": [40, 0]}}, "spec.network.hidden[1]", "too small"),
    ],
)
def test_an_error_names_its_field_and_the_fix(change, path, words):
    fields = errors({"algorithm": "maml", **change})

    assert list(fields) == [path]
    assert words in fields[path][0]


def test_all_errors_are_told_at_once():
    fields = errors(
        {"algorithm": "maml", "inner": {"lr": 0, "stepz": 1}, "outer": {"steps": 0}, "sed": 1}
    )

    assert set(fields) == {"spec.inner.lr", "spec.inner.stepz", "spec.outer.steps", "spec.sed"}


def test_whole_numbers_written_as_floats_become_whole():
    spec = specs.validate(MAML, {"algorithm": "maml", "outer": {"steps": 2e3}})

    assert spec["outer"]["steps"] == 2000
    assert isinstance(spec["outer"]["steps"], int)


def test_a_schema_cannot_make_the_server_fetch_something():
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}

    with pytest.raises(Invalid) as caught:
        specs.validate(schema, {"a": 1})

    assert caught.value.code == "broken_schema"


@pytest.mark.django_db
class TestAnnouncements:
    def code_and_fields(self, spec):
        with pytest.raises(Invalid) as caught:
            announcements.check_spec(spec)
        return caught.value.code, caught.value.fields

    def test_without_any_worker_it_says_to_start_one(self):
        code, fields = self.code_and_fields({"algorithm": "maml"})

        assert code == "no_worker"
        assert "start one with ./run" in fields["spec.algorithm"][0]

    @pytest.mark.parametrize("algorithm", ["mamml", None, 3, ["maml"]])
    def test_an_unknown_algorithm_lists_the_known_ones(self, algorithm):
        make_worker()

        code, fields = self.code_and_fields({"algorithm": algorithm})

        assert code == "unknown_algorithm"
        assert "fomaml, maml, oracle" in fields["spec.algorithm"][0]

    def test_a_missing_data_folder_is_told_at_the_source(self):
        make_worker(distributions=announced_distributions(omniglot=False))

        code, fields = self.code_and_fields(
            {
                "algorithm": "maml",
                "episodes": {"source": "omniglot"},
                "network": {"kind": "conv4"},
            }
        )

        assert code == "missing_data"
        assert fields == {"spec.episodes.source": [OMNIGLOT_MISSING]}

    def test_one_live_worker_with_the_data_is_enough(self):
        make_worker(distributions=announced_distributions(omniglot=False))
        make_worker("box/2", distributions=announced_distributions(omniglot=True))

        spec = {"algorithm": "maml", "episodes": {"source": "omniglot"},
                "network": {"kind": "conv4"}}  # fmt: skip
        assert announcements.check_spec(spec)["episodes"]["way"] == 5

    def test_a_silent_worker_still_counts_but_a_live_one_wins(self):
        old = make_worker(heartbeat_at=timezone.now() - timedelta(days=1))
        assert announcements.check_spec({"algorithm": "maml"})["outer"]["steps"] == 20_000

        old.trainers["maml"]["title"] = "Old"
        old.save()
        make_worker("box/2")

        assert announcements.trainers()["maml"]["title"] == "MAML"
