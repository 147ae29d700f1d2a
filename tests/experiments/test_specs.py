"""Specs are checked against what workers announced; every error is named at its field."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import announcements, specs
from experiments.errors import Invalid
from tests.factories import OMNIGLOT_MISSING, announced_distributions, make_worker
from worker.metalearning import specs as engine


def announced(value):
    """As it comes back from the database: tuples are lists."""
    return json.loads(json.dumps(value))


SCHEMAS = {name: announced(engine.schema(name)) for name in engine.ALGORITHMS}
MAML = SCHEMAS["maml"]


def errors(spec, schema=MAML):
    with pytest.raises(Invalid) as caught:
        specs.validate(schema, spec)
    return caught.value.fields


@pytest.mark.parametrize("algorithm", list(engine.ALGORITHMS))
def test_every_preset_is_valid_and_comes_back_unchanged(algorithm):
    schema = announced(engine.schema(algorithm))

    for preset in announced(engine.presets(algorithm)):
        assert specs.validate(schema, preset["spec"]) == preset["spec"]
        assert engine.as_dict(engine.parse(preset["spec"])) == preset["spec"]


@pytest.mark.parametrize("algorithm", list(engine.ALGORITHMS))
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
        ({"outer": {"steps": 10**12}}, "spec.outer.steps", "use 10,000,000 or less"),
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


OMNIGLOT = {"source": "omniglot"}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"network": {"kind": "conv4"}}, "network.kind", "conv4 takes images"),
        (
            {"episodes": {"source": "sinusoid", "amplitude_low": 9.5}},
            "episodes.amplitude_low",
            "9.5 is above the highest amplitude: use 5.0 or less",
        ),
        (
            {"episodes": {**OMNIGLOT, "shot": 15, "query": 6}},
            "episodes.shot",
            "15 support and 6 query drawings are more than the 20",
        ),
        (
            {"episodes": OMNIGLOT, "evaluation": {"query": 20}},
            "evaluation.query",
            "1 support and 20 query drawings at test are more than the 20",
        ),
        (
            {"episodes": {**OMNIGLOT, "validation_characters": 1196}},
            "episodes.validation_characters",
            "1196 of 1200 training characters leave fewer than 5",
        ),
        (
            {"episodes": {**OMNIGLOT, "validation_characters": 4}},
            "episodes.validation_characters",
            "use 5 or more, or set evaluation.every to 0",
        ),
        (
            {
                "algorithm": "random_init",
                "episodes": {**OMNIGLOT, "validation_characters": 4},
                "evaluation": {"every": 0},
            },
            "episodes.validation_characters",
            "that the step size is chosen on: use 5 or more",
        ),
    ],
)
def test_a_rule_between_fields_holds_at_both_doors(change, field, words):
    spec = {"algorithm": "maml", **change}

    with pytest.raises(engine.SpecError) as caught:
        engine.parse(spec)
    fields = errors(spec, announced(engine.schema(spec["algorithm"])))

    assert fields == {f"spec.{field}": [caught.value.message]}
    assert caught.value.path == field
    assert words in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"episodes": {"source": "sinusoid", "amplitude_low": 5.0}},
        {"episodes": {**OMNIGLOT, "shot": 15, "query": 5}},
        {"episodes": OMNIGLOT, "evaluation": {"query": 19}},
        {"episodes": {**OMNIGLOT, "validation_characters": 1195}},
        {"episodes": {**OMNIGLOT, "validation_characters": 5}},
        {"episodes": {**OMNIGLOT, "validation_characters": 0}, "evaluation": {"every": 0}},
        {"episodes": OMNIGLOT, "network": {"kind": "conv4"}},
    ],
)
def test_the_edge_of_a_rule_is_allowed_at_both_doors(change):
    spec = {"algorithm": "maml", **change}

    assert specs.validate(MAML, spec) == engine.as_dict(engine.parse(spec))


@given(
    algorithm=st.sampled_from(list(engine.ALGORITHMS)),
    shot=st.integers(1, 19), query=st.integers(1, 19), way=st.integers(2, 50),
    kept=st.integers(0, 60), train=st.integers(2, 100), every=st.sampled_from([0, 1]),
    test_query=st.integers(0, 25), low=st.floats(0, 10), high=st.floats(0, 10),
    kind=st.sampled_from(["mlp", "conv4"]), source=st.sampled_from(["sinusoid", "omniglot"]),
)  # fmt: skip
@settings(max_examples=100, deadline=None, database=None)
def test_both_doors_agree_on_every_spec(
    algorithm, shot, query, way, kept, train, every, test_query, low, high, kind, source
):
    chosen = {
        "sinusoid": {"amplitude_low": low, "amplitude_high": high},
        "omniglot": {"way": way, "train_characters": train, "validation_characters": kept},
    }[source]
    spec = {
        "algorithm": algorithm,
        "episodes": {"source": source, "shot": shot, "query": query, **chosen},
        "network": {"kind": kind},
        "evaluation": {"every": every, "query": test_query},
    }
    schema = SCHEMAS[algorithm]
    try:
        expected = engine.as_dict(engine.parse(spec))
    except engine.SpecError as refusal:
        where = {f"spec.{refusal.path}", f"spec.{refusal.path}.source"}
        assert where & set(errors(spec, schema))
    else:
        assert specs.validate(schema, spec) == expected


def test_rules_and_limits_are_told_at_once_but_no_field_twice():
    fields = errors(
        {
            "algorithm": "maml",
            "episodes": {**OMNIGLOT, "shot": 10**6, "query": 19},
            "evaluation": {"query": 20},
            "outer": {"steps": 0},
        }
    )

    assert set(fields) == {"spec.episodes.shot", "spec.outer.steps"}
    assert len(fields["spec.episodes.shot"]) == 1
    fields = errors({"algorithm": "maml", "network": {"kind": "conv4"}, "outer": {"steps": 0}})
    assert set(fields) == {"spec.network.kind", "spec.outer.steps"}


PLUGIN = {
    "type": "object",
    "properties": {
        "a": {"type": "number", "default": 1},
        "b": {"type": "number", "default": 2},
        "name": {"type": "string", "default": "x"},
        "on": {"type": "boolean", "default": True},
    },
}


def ruled(rule):
    return {**PLUGIN, "x-rules": [{"field": "a", "message": "No: {a}, {c}.", **rule}]}


def test_a_schema_without_rules_has_none():
    assert specs.validate(PLUGIN, {}) == {"a": 1, "b": 2, "name": "x", "on": True}
    assert specs.validate({**PLUGIN, "x-rules": []}, {"a": 3})["a"] == 3


@pytest.mark.parametrize(
    ("rule", "spec", "is_broken"),
    [
        ({"sum": ["a", "b", 1], "at_most": 4}, {}, False),
        ({"sum": ["a", "b", 1.5], "at_most": 4}, {}, True),
        ({"sum": ["a"], "at_most": "b"}, {"a": 10**400, "b": 0.5}, True),
        ({"sum": ["a"], "at_most": "missing.entirely"}, {"a": 9}, False),
        ({"sum": ["a"], "at_most": 0, "when": {"name": ["y", "z"]}}, {}, False),
        ({"sum": ["a"], "at_most": 0, "when": {"name": ["y", "z"]}}, {"name": "z"}, True),
        ({"sum": ["a"], "at_most": 0, "unless": {"name": ["x"]}}, {}, False),
        ({"allowed": [1, 2]}, {"a": 3}, True),
        ({"allowed": [1, 2]}, {"a": 2}, False),
        ({"field": "c", "allowed": [1]}, {}, False),
    ],
)
def test_the_vocabulary_of_rules(rule, spec, is_broken):
    schema = ruled(rule)

    if is_broken:
        (message,) = errors(spec, schema)["spec.a"]
        assert message.startswith("No: ")
    else:
        assert specs.validate(schema, spec)["name"] == spec.get("name", "x")


@pytest.mark.parametrize(
    "rules",
    [
        {"field": "a"},
        3,
        [3],
        [{"field": "a", "allowed": [1]}],
        [{"field": "a", "message": "m"}],
        [{"field": "a", "message": "m", "sum": ["a"]}],
        [{"field": "a", "message": "m", "allowed": [1], "sum": ["a"], "at_most": 1}],
        [{"field": "a", "message": "m", "allowed": [1], "at_most": 1}],
        [{"field": "a", "message": "m", "sum": ["name"], "at_most": 1}],
        [{"field": "a", "message": "m", "sum": ["on"], "at_most": 1}],
        [{"field": "a", "message": "m", "sum": ["a"], "at_most": float("nan")}],
        [{"field": "a", "message": "m", "allowed": [1], "whenever": {}}],
        [{"field": "a", "message": "m", "allowed": [1], "when": {"name": "x"}}],
        [{"field": ["a"], "message": "m", "allowed": [1]}],
    ],
)
def test_a_malformed_rule_is_a_broken_schema(rules):
    with pytest.raises(Invalid) as caught:
        specs.validate({**PLUGIN, "x-rules": rules}, {})

    assert caught.value.code == "broken_schema"
    assert list(caught.value.fields) == ["spec.algorithm"]


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
        assert "one of maml, fomaml, reptile, anil" in fields["spec.algorithm"][0]

    def test_an_algorithm_that_is_nearly_right_is_suggested(self):
        make_worker()

        _, fields = self.code_and_fields({"algorithm": "Reptil"})

        assert fields["spec.algorithm"][0].endswith("Did you mean 'reptile'?")

    def test_algorithms_come_in_the_order_they_announce_then_by_name(self):
        make_worker()
        plain = {"schema": {"type": "object"}, "presets": []}
        make_worker("other", trainers={"zeta": plain, "alpha": {**plain, "order": "first"}})

        assert list(announcements.trainers()) == [*engine.ALGORITHMS, "alpha", "zeta"]

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
