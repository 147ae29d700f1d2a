"""The commands of the quick start work as written, up to where a working worker is needed."""

import json

import pytest

from experiments import access
from experiments.models import Job, Run
from tests import factories, quickstart


@pytest.mark.django_db(transaction=True)
def test_the_commands_of_the_quick_start_work(live_server):
    user = access.ensure_first_user()
    factories.make_worker()
    _, token = access.create_token(user=user, name="quick start")

    printed = quickstart.run(live_server.url, token, needs=["worker"])

    documents = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert documents[0]["username"] == "admin"
    refused = next(one for one in documents if "error" in one)
    assert refused["error"]["fields"] == {"seed": ["Expected a whole number, got text."]}
    assert documents[-1]["status"] == "cancelled"
    assert Run.objects.get(name="by hand").summary == {"loss": 1.9}
    assert Job.objects.get().spec["outer"]["steps"] == 200


def test_every_command_is_run_by_some_test():
    everything = quickstart.blocks(["worker", "running"])

    assert len(everything) >= len(quickstart.blocks(["worker"])) + 1
    assert all("$METASCOPE_TOKEN" in block for block in everything)
