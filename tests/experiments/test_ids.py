"""Identifiers: unlike each other, and in the order in which they were made."""

import pytest

from experiments.models import ids


@pytest.mark.parametrize("noise", [0, 2**35 - 1])
def test_ids_of_one_millisecond_are_in_order(monkeypatch, noise):
    monkeypatch.setattr(ids.time, "time", lambda: 1.8e9)
    monkeypatch.setattr(ids.secrets, "randbits", lambda bits: min(noise, 2**bits - 1))

    made = [ids.new_id() for _ in range(100)]

    assert made == sorted(set(made))
    assert {len(one) for one in made} == {ids.LENGTH}
