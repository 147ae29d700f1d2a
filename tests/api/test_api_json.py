"""JSON is read and written strictly."""

import json
import math
import re

import pytest
from django.db import OperationalError, connection
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given
from hypothesis import strategies as st

from experiments.api.json import StrictJSONRenderer, loads
from experiments.errors import Invalid
from tests.api.conftest import error_of
from tests.api.test_api_fuzz import WRITES
from tests.api.test_api_routes import things  # noqa: F401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "line 1, column 2"),
        (b'{"a": NaN}', 'holds NaN. Send the string "nan"'),
        (b'{"a": -Infinity}', 'Send the string "-inf"'),
        (b'{"a": 1, "a": 1}', "the key 'a' twice"),
        (b"\xff", "byte 0 is not UTF-8"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 100_000, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (b"1" * 5000, "too many digits"),
    ],
)
def test_what_is_not_strict_json_is_refused(body, words):
    with pytest.raises(Invalid) as caught:
        loads(body)

    assert caught.value.code == "malformed_json"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a": {"b": [1, 9223372036854775808]}}', "a.b[1]"),
        (b'{"a": [-9223372036854775809]}', "a[0]"),
        (b'{"a": 1e999}', "a"),
        (b'{"a": ["x\\u0000"]}', "a[0]"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a\\u0000": 1}', "a\\0"),
        (b"9223372036854775808", "body"),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(body, path):
    with pytest.raises(Invalid) as caught:
        loads(body)

    assert list(caught.value.fields) == [path]


def test_the_limits_themselves_are_taken():
    assert loads(b"[9223372036854775807, -9223372036854775808]") == [2**63 - 1, -(2**63)]
    assert loads(b"[" * 64 + b"]" * 64)
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ) | st.floats(allow_nan=False, allow_infinity=False),
    lambda part: st.lists(part) | st.dictionaries(st.text("abc"), part),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_everything_else_comes_through_unchanged(value):
    assert loads(json.dumps(value).encode()) == value


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body):
    try:
        value = loads(body)
    except Invalid:
        return
    assert json.loads(body) == value


def test_numbers_that_json_lacks_are_written_by_name():
    text = StrictJSONRenderer().render({"a": [1.5, math.nan, math.inf, {"b": -math.inf}]})

    assert json.loads(text) == {"a": [1.5, "nan", "inf", {"b": "-inf"}]}


def test_a_body_over_the_limit_is_413_and_names_the_limit(lab, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2048

    response = lab.member.post(
        "/api/v1/runs/", {"project": "lab/sinusoid", "notes": "x" * 3000}, format="json"
    )

    assert response.status_code == 413
    assert "2,048 bytes" in error_of(response)["message"]


def test_another_content_type_is_415(lab):
    response = lab.member.generic(
        "POST", "/api/v1/runs/", b"project=lab", content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


def test_an_answer_in_another_form_is_406(lab):
    response = lab.member.get("/api/v1/runs/", HTTP_ACCEPT="text/csv")

    assert response.status_code == 406
    assert error_of(response)["code"] == "not_acceptable"


def test_an_unknown_address_is_404_in_the_one_shape(lab):
    response = lab.member.get("/api/v1/nothing/")

    assert response.status_code == 404
    assert "/api/v1/docs/" in error_of(response)["message"]


def test_an_unexpected_failure_is_500_in_the_one_shape(lab, monkeypatch):
    lab.member.raise_request_exception = False

    def fail(**_given):
        raise RuntimeError("a bug")

    monkeypatch.setattr("experiments.lifecycle.create_client_run", fail)
    response = lab.member.post("/api/v1/runs/", {"project": "sinusoid"}, format="json")

    assert response.status_code == 500
    assert error_of(response)["code"] == "server_error"
    assert "a bug" not in response.content.decode()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError("database or disk is full"), 507, "disk_full"),
        (OSError(28, "No space left on device"), 507, "disk_full"),
        (OperationalError("database is locked"), 503, "busy"),
    ],
)
def test_what_cannot_be_done_now_may_be_sent_again(lab, monkeypatch, error, status, code):
    def fail(**_):
        raise error

    monkeypatch.setattr("experiments.lifecycle.create_project", fail)

    answer = lab.member.post("/api/v1/projects/", {"slug": "full"})

    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_a_deadlock_may_be_sent_again(lab, monkeypatch):
    def fail(**_):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr("experiments.lifecycle.create_project", fail)

    answer = lab.member.post("/api/v1/projects/", {"slug": "full"})

    assert answer.status_code == 503
    assert error_of(answer)["code"] == "busy"


@pytest.mark.parametrize("text", [b"[1,2]", b'"text"', b"null", b"3"])
def test_every_address_that_takes_a_body_asks_for_one_object(lab, things, text):  # noqa: F811
    for address, method, _, _ in WRITES:
        response = lab.admin.generic(
            method, f"/api/v1/{address.format(**things)}", text, content_type="application/json"
        )

        assert response.status_code == 400, address
        assert error_of(response)["code"] == "malformed_json"
        assert error_of(response)["message"].startswith("Send one JSON object"), address


@pytest.mark.parametrize("odd", ["upwards", "", 3, None, ["min"]])
def test_every_choice_of_a_body_names_what_there_is(lab, things, odd):  # noqa: F811
    """The fields and their choices come from the OpenAPI document."""
    checked = set()
    for address, method, body, fields in bodies_with_choices(things):
        for name, choices in fields.items():
            response = lab.admin.generic(
                method, f"/api/v1/{address}", json.dumps({**body, name: odd}).encode(),
                content_type="application/json",
            )  # fmt: skip

            assert response.status_code == 400, (address, name)
            (message,) = error_of(response)["fields"][name]
            assert message.startswith(f"Use one of {', '.join(choices)}; got "), (address, name)
            checked.add(name)

    assert {"role", "status", "main_metric_direction"} <= checked


def bodies_with_choices(things):  # noqa: F811
    """(address, method, a good body, {field: choices}) of every route with choices in its body."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    for address, method, body, _ in WRITES:
        address = address.format(**things)
        found = [path for path in document["paths"] if _matches(path, f"/api/v1/{address}")]
        path = min(found, key=lambda pattern: pattern.count("{"))
        asked = document["paths"][path][method.lower()].get("requestBody")
        schema = asked["content"]["application/json"]["schema"] if asked else {}
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        fields = {
            name: choices
            for name, field in schema.get("properties", {}).items()
            if (choices := _choices(field, schemas))
        }
        if fields:
            yield address, method, body, fields


def _matches(pattern, address):
    return re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", pattern), address)


def _choices(field, schemas):
    referred = [one["$ref"] for one in (field, *field.get("allOf", ())) if "$ref" in one]
    if referred:
        return schemas[referred[0].rpartition("/")[2]].get("enum", [])
    return field.get("enum", [])
