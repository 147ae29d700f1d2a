"""JSON comes back as it was stored, to the last letter, whatever the database."""

import pytest
from django.db import connection

from experiments import lifecycle
from experiments.models import Param, Run
from experiments.models.documents import DocumentField
from tests import factories

pytestmark = pytest.mark.django_db

ODD = {
    "large": 1e22, "largest": 1.7976931348623157e308, "least": 5e-324, "zero": -0.0, "whole": 1.0,
    "long": 123456789012345678901234567890, "text": "\u00e9\u2603 \\u0000 \"", "none": None,
    "order": [{"b": 1, "a": [1.0, 1], "aa": True}], "empty": {}, "nested": {"z": 1e16, "y": [[]]},
}  # fmt: skip


def test_values_and_the_order_of_keys_stay():
    made = lifecycle.create_run(project=factories.make_project(), user=None, params=ODD)

    assert repr(Run.objects.get(pk=made.pk).params) == repr(ODD)
    assert Param.objects.get(run=made, key="large").text == "1e+22"


def test_params_that_are_sent_again_are_the_same():
    made = lifecycle.create_run(project=factories.make_project(), user=None, params=ODD)

    lifecycle.set_params(Run.objects.get(pk=made.pk), ODD)

    assert repr(Run.objects.get(pk=made.pk).params) == repr(ODD)


def test_what_is_written_by_update_and_in_bulk_stays():
    run = factories.make_run()
    Run.objects.filter(pk=run.pk).update(summary=ODD)
    run.environment = ODD
    Run.objects.bulk_update([run], ["environment"])

    found = Run.objects.get(pk=run.pk)

    assert repr(found.summary) == repr(found.environment) == repr(ODD)
    assert list(Run.objects.filter(pk=run.pk).values_list("summary__whole", flat=True)) == [1.0]


def test_every_document_is_kept_as_text():
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL alone has two types for JSON")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type = 'jsonb'"
        )
        assert cursor.fetchall() == []
    assert isinstance(Run._meta.get_field("params"), DocumentField)
