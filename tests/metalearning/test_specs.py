"""What a spec may hold, and what its schema tells a form."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from worker.metalearning import specs
from worker.metalearning.errors import SpecError


def spec(**changes: Any) -> dict[str, Any]:
    return {"algorithm": "maml", **changes}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"outer": {"steps": 10**12}}, "outer.steps"),
        ({"outer": {"steps": 0}}, "outer.steps"),
        ({"outer": {"steps": "many"}}, "outer.steps"),
        ({"outer": {"lr": 0}}, "outer.lr"),
        ({"outer": {"lr": 11}}, "outer.lr"),
        ({"outer": {"optimizer": "rmsprop"}}, "outer.optimizer"),
        ({"outer": {"momentum": 0.9}}, "outer"),
        ({"inner": {"lr": -0.01}}, "inner.lr"),
        ({"inner": {"steps": 101}}, "inner.steps"),
        ({"network": {"kind": "transformer"}}, "network.kind"),
        ({"network": {"kind": "mlp", "hidden": []}}, "network.hidden"),
        ({"network": {"kind": "mlp", "hidden": [40, 0]}}, "network.hidden[1]"),
        ({"network": {"kind": "conv4"}}, "network.kind"),
        ({"episodes": {"source": "cats"}}, "episodes.source"),
        ({"episodes": {"source": "sinusoid", "amplitude_low": 9}}, "episodes.amplitude_low"),
        ({"episodes": {"source": "omniglot", "shot": 15, "query": 6}}, "episodes.shot"),
        ({"episodes": {"source": "omniglot"}, "evaluation": {"query": 20}}, "evaluation.query"),
        ({"episodes": {"source": "omniglot", "way": 50, "train_characters": 60,
                       "validation_characters": 11}}, "episodes.validation_characters"),
        ({"algorithm": "random_init", "evaluation": {"every": 0},
          "episodes": {"source": "omniglot", "validation_characters": 3}},
         "episodes.validation_characters"),
        ({"episodes": {"source": "omniglot", "validation_characters": 1200}},
         "episodes.validation_characters"),
        ({"episodes": {"source": "omniglot", "validation_characters": 3}},
         "episodes.validation_characters"),
        ({"episodes": {"source": "glyphs", "shot": 15, "query": 6}}, "episodes.shot"),
        ({"episodes": {"source": "glyphs"}, "evaluation": {"query": 20}}, "evaluation.query"),
        ({"episodes": {"source": "glyphs", "train_classes": 4}}, "episodes.train_classes"),
        ({"episodes": {"source": "glyphs", "test_classes": 4}}, "episodes.test_classes"),
        ({"episodes": {"source": "glyphs", "validation_classes": 4}},
         "episodes.validation_classes"),
        ({"algorithm": "random_init", "evaluation": {"every": 0},
          "episodes": {"source": "glyphs", "validation_classes": 4}},
         "episodes.validation_classes"),
        ({"algorithm": "prototypical", "train_way": 50,
          "episodes": {"source": "glyphs", "train_classes": 40}}, "train_way"),
        ({"seed": -1}, "seed"),
        ({"algorithm": "sgd"}, "algorithm"),
        ({"algorithm": None}, "algorithm"),
        ({"colour": "blue"}, ""),
    ],
)  # fmt: skip
def test_wrong_spec_is_refused_with_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        specs.parse(spec(**changes))

    assert caught.value.path == path
    assert caught.value.message


@pytest.mark.parametrize("algorithm", ["pretrained", "oracle"])
def test_baseline_of_the_sinusoid_refuses_omniglot(algorithm: str) -> None:
    assert specs.sources(algorithm) == ("sinusoid",)
    with pytest.raises(SpecError, match="omniglot"):
        specs.parse({"algorithm": algorithm, "episodes": {"source": "omniglot"}})


def test_random_init_has_no_outer_loop() -> None:
    with pytest.raises(SpecError, match="outer"):
        specs.parse({"algorithm": "random_init", "outer": {"steps": 10}})


@pytest.mark.parametrize("algorithm", specs.ALGORITHMS)
def test_spec_survives_json(algorithm: str) -> None:
    parsed = specs.parse({"algorithm": algorithm})

    again = specs.parse(json.loads(json.dumps(specs.as_dict(parsed))))

    assert again == parsed


def test_reptile_keeps_its_own_inner_defaults_when_one_is_given() -> None:
    inner = specs.as_dict(specs.parse({"algorithm": "reptile", "inner": {"lr": 0.1}}))["inner"]

    assert inner == {"lr": 0.1, "steps": 5}


@pytest.mark.parametrize("algorithm", specs.ALGORITHMS)
def test_nested_objects_carry_their_defaults_whole(algorithm: str) -> None:
    written_out = specs.as_dict(specs.parse({"algorithm": algorithm}))

    defaults = {
        name: part["default"] for name, part in specs.schema(algorithm)["properties"].items()
    }

    assert defaults == written_out


def paths_of(rule: dict[str, Any]) -> set[str]:
    terms = [*rule.get("sum", ()), rule.get("at_most")]
    named = re.findall(r"\{([\w.]+)\}", rule["message"])
    return {rule["field"], *named, *(term for term in terms if isinstance(term, str)),
            *rule.get("when", {}), *rule.get("unless", {})}  # fmt: skip


def exists(schema: dict[str, Any], path: str) -> bool:
    key, _, rest = path.partition(".")
    found = [
        branch["properties"][key]
        for branch in schema.get("anyOf", [schema])
        if key in branch.get("properties", {})
    ]
    return bool(found) and (not rest or any(exists(one, rest) for one in found))


@pytest.mark.parametrize("algorithm", specs.ALGORITHMS)
def test_rules_name_settings_that_exist(algorithm: str) -> None:
    """A rule that reads an unknown path never applies, so a typing error would go unnoticed."""
    schema = specs.schema(algorithm)

    assert schema["x-rules"] or algorithm == "rl2"  # no setting of its depends on another
    for rule in schema["x-rules"]:
        for path in paths_of(rule):
            assert exists(schema, path), path


def test_an_algorithm_announces_only_rules_that_can_apply() -> None:
    fields = [rule["field"] for rule in specs.schema("pretrained")["x-rules"]]

    assert fields == ["network.kind", "episodes.amplitude_low"]


def properties(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("properties", {}).values()
        for value in node.values():
            yield from properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from properties(value)


@pytest.mark.parametrize("algorithm", specs.ALGORITHMS)
def test_schema_is_complete_in_itself(algorithm: str) -> None:
    schema = specs.schema(algorithm)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    fields = list(properties(schema))
    assert len(fields) > 15
    for field in fields:
        assert field["title"]
        assert field["description"]
        if field.get("type") in ("integer", "number"):
            assert "maximum" in field
            assert {"minimum", "exclusiveMinimum"} & set(field)
            assert "default" in field


def test_union_names_its_discriminator() -> None:
    schema = specs.schema("maml")

    episodes, network = schema["properties"]["episodes"], schema["properties"]["network"]

    assert episodes["discriminator"] == {"propertyName": "source"}
    assert network["discriminator"] == {"propertyName": "kind"}
    assert [kind["properties"]["source"]["enum"] for kind in episodes["anyOf"]] == [
        ["sinusoid"],
        ["omniglot"],
        ["glyphs"],
        ["images"],
    ]


@pytest.mark.parametrize("algorithm", specs.ALGORITHMS)
def test_presets_satisfy_schema_and_parser(algorithm: str) -> None:
    presets = specs.presets(algorithm)

    assert presets
    for preset in presets:
        assert set(preset) == {"name", "title", "source", "spec"}
        jsonschema.validate(preset["spec"], specs.schema(algorithm))
        assert specs.as_dict(specs.parse(preset["spec"])) == preset["spec"]


def test_preset_names_are_unique() -> None:
    names = [
        preset["name"] for algorithm in specs.ALGORITHMS for preset in specs.presets(algorithm)
    ]

    assert len(names) == len(set(names))


def test_paper_preset_holds_the_papers_numbers() -> None:
    """Finn et al. 2017, section 5.1 and appendix A."""
    preset = next(p for p in specs.presets("maml") if p["name"] == "maml-sinusoid-10-shot")["spec"]

    assert preset["network"]["hidden"] == [40, 40]
    assert preset["inner"] == {"lr": 0.01, "steps": 1}
    outer = preset["outer"]
    assert (outer["steps"], outer["episodes_per_step"], outer["lr"]) == (70_000, 25, 0.001)
    assert preset["episodes"]["shot"] == 10
    assert (preset["evaluation"]["episodes"], preset["evaluation"]["steps"]) == (600, 10)


@pytest.mark.parametrize(
    "module",
    [
        "specs",
        "catalog",
        "distributions.glyph_drawings",
        "distributions.image_folders",
        "distributions.omniglot_archive",
        "distributions.sinusoid_tasks",
    ],
)
def test_module_imports_without_torch_and_django(module: str) -> None:
    code = (
        f"import sys, worker.metalearning.{module}; "
        "print([name for name in ('torch', 'django', 'celery') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
