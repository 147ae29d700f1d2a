"""Initialisations as plain numbers: written by jobs, read back, and passed over when malformed."""

import copy
import io
import json

import pytest

from experiments import files, initialisations
from experiments.api.v1.initialisations import EXAMPLE
from experiments.errors import NotFound
from experiments.models import Run
from tests.factories import make_run

pytestmark = pytest.mark.django_db


def changed(**layer: object) -> bytes:
    document = copy.deepcopy(EXAMPLE)
    document["layers"][0] |= layer  # type: ignore[index]
    return json.dumps(document).encode()


def test_what_was_recorded_is_read_back():
    run = make_run()
    initialisations.record(run, EXAMPLE)

    found = initialisations.of_run(run)

    assert (found.rates, found.layers[0].weight) == ("fixed", [0.25])
    assert list(initialisations.having_one(Run.objects.all())) == [run]


def test_a_run_without_one_is_not_found_and_says_what_keeps_one():
    with pytest.raises(NotFound, match="fully connected network") as error:
        initialisations.of_run(make_run())
    assert error.value.code == "initialisation_not_found"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        changed(weight=[1.0, 2.0]),
        changed(weight=[None]),
        changed(outputs=2),
        changed(inputs=2, weight=[1.0, 2.0]),
        changed(bias_rate=[]),
        changed(weight_rate=[0.1, 0.2]),
        changed(inputs=10**9),
        changed(extra=1),
        changed().replace(b"0.25", b"NaN"),
        changed().replace(b"0.25", b"1e999"),
        b" " * (initialisations.LARGEST + 1),
    ],
)
def test_a_file_of_another_shape_is_as_none(content: bytes):
    run = make_run()
    files.put(files.of_run(run), initialisations.PATH, io.BytesIO(content))

    with pytest.raises(NotFound):
        initialisations.of_run(run)


def test_numbers_that_are_not_finite_are_not_recorded():
    document = json.loads(changed())
    document["layers"][0]["weight"] = [float("nan")]
    with pytest.raises(ValueError, match="JSON"):
        initialisations.record(make_run(), document)
