"""Bodies of rows, as the client sends them: read bit for bit, or refused by name."""

import json
import math
import struct
from zlib import crc32

import numpy as np
import pytest

from experiments.errors import Invalid
from experiments.models import Role
from experiments.recording import parse_records
from tests import factories
from tests.api.conftest import client_for


def record(payload: bytes) -> bytes:
    return struct.pack("<II", len(payload), crc32(payload)) + payload


def keys(number: int, *names: str) -> bytes:
    return record(struct.pack("<BI", 1, number) + json.dumps(names).encode())


def row(number: int, step: int, time: float, *values: float) -> bytes:
    return record(struct.pack(f"<BIqd{len(values)}d", 2, number, step, time, *values))


def body(*records: bytes, client: object = "c", number: object = 0) -> bytes:
    header = json.dumps({"client": client, "number": number}).encode()
    return struct.pack("<I", len(header)) + header + b"".join(records)


def test_rows_become_columns():
    found = parse_records(
        body(keys(1, "a", "b"), row(1, 5, 10.5, 1, 2), row(1, 6, 11.5, 3, 4), number=7)
    )

    assert (found.client, found.number) == ("c", 7)
    assert [one.key for one in found.series] == ["a", "b"]
    a, b = found.series
    assert (a.steps.tolist(), a.times.tolist()) == ([5, 6], [10.5, 11.5])
    assert (a.values.tolist(), b.values.tolist()) == ([1, 3], [2, 4])


def test_a_key_of_several_tables_keeps_the_order_of_its_rows():
    found = parse_records(
        body(
            keys(1, "a"), row(1, 0, 0, 0), keys(2, "b", "a"), row(2, 0, 1, 9, 1), row(1, 0, 2, 2),
        )
    )  # fmt: skip

    by_key = {one.key: one for one in found.series}
    assert by_key["a"].values.tolist() == [0, 1, 2]
    assert by_key["a"].times.tolist() == [0, 1, 2]
    assert by_key["b"].values.tolist() == [9]


def test_keys_named_again_lose_no_row_of_before():
    again = body(keys(1, "a"), row(1, 0, 5.0, 1.5), keys(1, "a"), row(1, 1, 6.0, 2.5))
    other = body(keys(1, "a"), row(1, 0, 5.0, 1.5), keys(1, "b"), row(1, 1, 6.0, 2.5))

    (series,) = parse_records(again).series
    assert series.steps.tolist() == [0, 1]
    with pytest.raises(Invalid, match="names other keys 1"):
        parse_records(other)


def test_every_bit_of_a_number_survives():
    numbers = np.array([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308])
    payload = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_BEEF))[0]
    values = [*numbers.tolist(), payload]
    steps = [-(2**63), 2**63 - 1, 0, 1, 2, 3, 4]
    rows = [row(1, step, 1.5, value) for step, value in zip(steps, values, strict=True)]

    (one,) = parse_records(body(keys(1, "v"), *rows)).series

    assert one.steps.tolist() == steps
    assert one.values.tobytes() == struct.pack("<7d", *values)


@pytest.mark.parametrize(
    ("sent", "field", "said"),
    [
        (b"", "header", "begin with its length"),
        (struct.pack("<I", 9) + b"not JSON!", "header", "not JSON"),
        (struct.pack("<I", 2) + b"[]", "header", "use {"),
        (body(client="no spaces"), "client", "without spaces"),
        (body(number=-1), "number", "whole number"),
        (body(), "series", "holds 0 series"),
        (body(keys(1, "a")), "series", "holds 0 series"),
        (body(row(1, 0, 0, 1)), "records[0]", "which no record before it names"),
        (body(keys(1, "a"), row(1, 0, 0, 1, 2)), "records[1]", "one float64 for each of 1 keys"),
        (body(keys(1, "a"), row(1, 0, 0, 1)[:-1]), "records[1]", "is cut off"),
        (body(keys(1, "a"), b"12345"), "records[1]", "is cut off"),
        (body(record(b"\x07aaaa")), "records[0]", "unknown kind 7"),
        (body(keys(1, "a", "a")), "records[0].keys", "different texts"),
        (body(keys(1)), "records[0].keys", "1 to 1000"),
        (body(record(struct.pack("<BI", 1, 1) + b"[1]")), "records[0].keys", "different texts"),
        (body(record(struct.pack("<BI", 1, 1) + b"[")), "records[0].keys", "not JSON"),
        (body(keys(1, "a\n"), row(1, 0, 0, 1)), "series[0].key", "control characters"),
        (body(keys(1, "a"), row(1, 0, 1e12, 1)), "series[0].times[0]", "not milliseconds"),
    ],
)
def test_what_is_wrong_is_refused_by_name(sent, field, said):
    with pytest.raises(Invalid) as caught:
        parse_records(sent)

    assert said in caught.value.fields[field][0]


def test_a_flipped_bit_is_found():
    sent = bytearray(body(keys(1, "a"), row(1, 0, 0, 1)))
    sent[-3] ^= 1

    with pytest.raises(Invalid, match="CRC-32"):
        parse_records(bytes(sent))


def test_records_are_taken_by_the_api_once(lab_run):
    member, address = lab_run
    sent = body(keys(1, "a"), row(1, 0, 5.0, 1.5))

    answers = [
        member.post(address, sent, content_type="application/vnd.metascope.records")
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True]


def test_other_bodies_are_refused_by_the_api(lab_run, settings):
    member, address = lab_run
    records_type = "application/vnd.metascope.records"
    assert member.post(address, b"x", content_type="text/plain").status_code == 415
    assert member.post(address, b"xxxx", content_type=records_type).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    answer = member.post(address, b"x" * 200, content_type=records_type)

    assert answer.status_code == 413
    assert "limit of 100 bytes" in answer.json()["error"]["message"]


@pytest.fixture
def lab_run(db):
    workspace = factories.make_workspace("lab", ada=Role.MEMBER)
    run = factories.make_run(factories.make_project(workspace))
    return client_for(factories.make_user("ada")), f"/api/v1/runs/{run.pk}/metrics/"
