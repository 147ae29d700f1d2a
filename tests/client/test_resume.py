"""Going on with a run, and several processes of one run."""

import pytest

from experiments import lifecycle, reading
from experiments.errors import Conflict
from experiments.models import Run, RunStatus
from tests import factories
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def steps(run: Run, key: str = "loss") -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in reading.points(run.pk, key).points]


def train(values: dict[int, float], **options) -> Run:
    with start(system=False, **options) as run:
        for step, value in values.items():
            run.log({"loss": value}, step=step)
    return Run.objects.latest("number")


def test_a_run_goes_on_where_it_ended(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0})

    train({2: 1.0}, resume=first.pk)

    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert steps(run) == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_a_run_that_goes_on_from_a_step_loses_later_points_visibly(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0, 2: 9.0, 3: 9.0})

    train({2: 1.0}, resume=first.pk, after_step=1)

    run = Run.objects.get()
    assert steps(run) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    said = [line.text for line in reading.log_lines(run.pk).lines]
    assert any("Resumed after step 1; 2 later points were dropped." in text for text in said)


def test_what_the_machine_did_is_not_taken_back(environment):  # noqa: F811
    with start() as run:
        run.log({"loss": 1.0}, step=0)
    found = Run.objects.get()

    lifecycle.resume_client_run(found, after_step=-1)

    assert reading.series_keys([found.pk])[found.pk]
    assert all(key.startswith("system/") for key in reading.series_keys([found.pk])[found.pk])


def test_a_job_and_the_trash_do_not_go_on(environment):  # noqa: F811
    job = factories.make_job(status="completed")
    trashed = lifecycle.trash(factories.make_run(status="completed"))

    for run, said in ((job.run, "worker executes"), (trashed, "in the trash")):
        with pytest.raises(Conflict, match=said):
            lifecycle.resume_client_run(run)


def test_ranks_share_a_run_that_rank_0_ends(environment):  # noqa: F811
    with start(system=False, shared="job-7") as first:
        with start(shared="job-7", rank=1) as second:
            second.log({"rank1/loss": 2.0}, step=0)
        first.log({"loss": 1.0}, step=0)
        assert second.id
        assert Run.objects.get().status == RunStatus.RUNNING

    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert steps(run) == [(0, 1.0)]
    assert steps(run, "rank1/loss") == [(0, 2.0)]


def test_resume_and_shared_exclude_each_other(environment):  # noqa: F811
    with pytest.raises(ValueError, match="not both"):
        start(resume="x", shared="y")


def test_what_a_rewind_dropped_stays_known_after_the_run_has_ended(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0, 2: 9.0, 3: 9.0})

    train({2: 1.0}, resume=first.pk, after_step=1)
    train({3: 0.5}, resume=first.pk, after_step=2)

    rewind = first.rewinds.get()  # the second one found nothing to drop
    assert (rewind.after_step, rewind.points, rewind.attempt) == (1, 2, None)
