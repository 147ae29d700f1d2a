"""What is said about the blobs' bucket before an instance serves."""

import pytest

from config import prepare

pytestmark = pytest.mark.django_db


def test_a_folder_of_this_machine_needs_no_word():
    assert prepare._notes_on_the_bucket() == []


def test_a_bucket_that_answers_needs_no_word(bucket):
    assert prepare._notes_on_the_bucket() == []


def test_a_bucket_that_is_gone_is_told(bucket):
    bucket.delete()

    (note,) = prepare._notes_on_the_bucket()

    assert "METASCOPE_BLOBS" in note
