"""Every command of the REST quick start, against a started product."""

import pytest

from tests import quickstart
from tests.product.instance import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_command_of_the_quick_start_works_as_written(shared: Product) -> None:
    needs = ["worker", "running"]

    printed = quickstart.run(shared.url, shared.token(), needs=needs, timeout_s=400)

    assert quickstart.blocks(needs) == quickstart.all_blocks()
    metrics, evaluations, refused = quickstart.answers(printed)[-3:]
    losses = {one["key"]: one for one in metrics["results"]}["train/query_loss"]
    assert losses["last_step"] == 200
    counts = {one["name"]: one["episode_count"] for one in evaluations["results"]}
    assert counts == {"test": 50, "train": 100}
    assert refused["error"]["message"] == "The job has completed already."
