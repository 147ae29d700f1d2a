"""Whatever JSON arrives wherever: a 2xx or a 4xx in the one shape, never a 5xx."""

import json

import pytest

from tests.api.conftest import error_of
from tests.api.test_api_routes import TABLE, things  # noqa: F401

WRITES = [row for row in TABLE if row[1] in ("POST", "PUT", "PATCH") and row[2] is not None]
ODD = (
    None, True, 0, -1, 1.5, 2**63 - 1, "", "x", "x" * 300, "\u202e", "a/b", "a\nb", [], [1], [None],
    [[]], [{}], {}, {"a": 1}, {"": {}}, {"a": {"b": [None, "x"]}}, {"algorithm": ["maml"]},
    {"algorithm": "maml", "episodes": None}, {"base64": "x"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "method", "body"),
    [row[:3] for row in WRITES],
    ids=[f"{row[1]} {row[0]}" for row in WRITES],
)
def test_odd_values_never_break_the_server(lab, things, address, method, body):  # noqa: F811
    path = f"/api/v1/{address.format(**things)}"
    bodies = list(ODD)
    for name in body:
        bodies += [{**body, name: odd} for odd in ODD]
        bodies.append({key: value for key, value in body.items() if key != name})

    for odd in bodies:
        response = lab.admin.generic(
            method, path, json.dumps(odd).encode(), content_type="application/json"
        )

        assert response.status_code < 500, (odd, response.content[:300])
        if response.status_code >= 400:
            error_of(response)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[", b"nul", b"\xff\xfe", b"NaN", b'{"a":1,"a":2}', b'"\\ud800"', b"\0"]
)
def test_malformed_bodies_are_400_everywhere(lab, things, text):  # noqa: F811
    for address, method, _, _ in WRITES:
        response = lab.admin.generic(
            method,
            f"/api/v1/{address.format(**things)}",
            text,
            content_type="application/json",
        )

        assert response.status_code < 500
        if text:
            assert response.status_code == 400, (address, response.content)
            assert error_of(response)["code"] in ("malformed_json", "invalid")


@pytest.mark.parametrize("word", ["%00", "..", "%2e%2e", "a" * 5000, "%F0%9F%98%80", "-1", "'--"])
def test_odd_addresses_are_404(lab, word):
    for start in ("runs", "jobs", "evaluations", "workspaces", "trainers", "tokens",
                  "projects/lab", "workspaces/lab/members"):  # fmt: skip
        response = lab.admin.get(f"/api/v1/{start}/{word}/")

        assert response.status_code == 404, (start, response.content[:200])
        error_of(response)
