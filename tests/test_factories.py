"""The factories build what they say."""

import pytest

from experiments.models import Param, Role
from tests import factories


@pytest.mark.django_db
def test_a_run_has_the_next_number_and_its_params_under_dotted_keys():
    factories.make_workspace("lab", ada=Role.MEMBER)
    first, second = factories.make_run(), factories.make_run(params={"outer": {"lr": 0.1}})
    factories.make_job()
    factories.make_evaluation(second, accuracies=True)
    worker = factories.make_worker()

    assert (first.number, second.number) == (1, 2)
    assert Param.objects.get(run=second, key="outer.lr").number == 0.1
    assert "maml" in worker.trainers
    assert first.created_at is not None
