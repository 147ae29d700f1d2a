"""The commands of the quick start work as written, up to where a working worker is needed.

`tests/product/test_quickstart.py` runs all of them against a started product.
"""

import pytest

from experiments import access
from experiments.models import Job, LogChunk, Run
from tests import factories, quickstart


@pytest.mark.django_db(transaction=True)
def test_the_commands_of_the_quick_start_work(live_server):
    user = access.ensure_first_user()
    factories.make_worker()
    _, token = access.create_token(user=user, name="quick start")

    printed = quickstart.run(live_server.url, token, needs=["worker"])

    documents = quickstart.answers(printed)
    assert documents[0]["username"] == "admin"
    refused = next(one for one in documents if "error" in one)
    assert refused["error"]["fields"] == {"seed": ["Expected a whole number, got text."]}
    assert documents[-1]["status"] == "cancelled"
    run = Run.objects.get(name="by hand")
    assert (run.status, run.summary) == ("completed", {"loss": 1.9})
    assert LogChunk.objects.get(run=run).text.endswith("12:00:00 WARNING 3 files are missing\n")
    assert Job.objects.get().spec["outer"]["steps"] == 200
