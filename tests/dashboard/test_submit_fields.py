"""Fields from schemas, seeds from text, requests as text."""

import json
import shlex

import pytest

from dashboard.submit import api_request, schema_fields
from dashboard.submit.seeds import seeds, seeds_text
from experiments import specs
from experiments.errors import Invalid
from worker.metalearning import specs as engine


@pytest.mark.parametrize("algorithm", sorted(engine.ALGORITHMS))
def test_what_a_preset_fills_in_is_read_back_as_the_preset(algorithm: str):
    schema = engine.schema(algorithm)
    for preset in engine.presets(algorithm):
        found = schema_fields.spec_fields(schema, preset["spec"], lambda name: None)

        spec = {"algorithm": algorithm, **schema_fields.parsed(found)}

        assert specs.validate(schema, spec) == specs.validate(schema, _plain(preset["spec"]))


def _plain(spec):
    return json.loads(json.dumps(spec))


@pytest.mark.parametrize("algorithm", sorted(engine.ALGORITHMS))
def test_an_empty_base_gives_the_defaults(algorithm: str):
    schema = engine.schema(algorithm)
    found = schema_fields.spec_fields(schema, {}, lambda name: None)

    spec = {"algorithm": algorithm, **schema_fields.parsed(found)}

    assert specs.validate(schema, spec) == specs.validate(schema, {"algorithm": algorithm})
    assert not any(field.is_changed for field in found.fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-2", -2), ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), (" 7 ", 7),
        ("1e999", None), ("nan", None), ("inf", None), ("0x10", None), ("1_000", None),
        ("", None), ("1,5", None), ("9" * 500, None),
    ],
)  # fmt: skip
def test_numbers_are_read_strictly(text: str, value: float | None):
    assert schema_fields.number(text) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", [0]),
        ("0-4", [0, 1, 2, 3, 4]),
        ("0, 1,2", [0, 1, 2]),
        ("3 1", [3, 1]),
        ("0-1; 7", [0, 1, 7]),
    ],
)
def test_seeds(text: str, found: list[int]):
    assert seeds(text) == found


@pytest.mark.parametrize("text", ["", "a", "4-2", "-1", "1.5", "0-100", "0-99, 100"])
def test_no_seeds(text: str):
    with pytest.raises(Invalid) as refused:
        seeds(text)
    assert list(refused.value.fields) == ["seeds"]


@pytest.mark.parametrize("numbers", [[0], [0, 1, 2], [5, 3], [1, 2, 4]])
def test_seeds_are_written_so_that_they_are_read_back(numbers: list[int]):
    assert seeds(seeds_text(numbers)) == numbers


def test_requests_survive_quotes_of_every_kind():
    body = {"notes": "it's \"5\" o'clock ''' $HOME `x` \\ é"}

    command = api_request.curl(body, "key")
    script = api_request.python(body, "key")

    words = shlex.split(command.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == body
    compile(script, "request", "exec")
    literal = script[script.index("r'''") : script.index("'''),") + 3]
    assert json.loads(eval(literal)) == body  # noqa: S307
