"""`metascope.track`: every call of a function is a run."""

import asyncio

import metascope
import pytest

from experiments.models import Run, RunStatus
from tests.client.test_artifacts import environment  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = {"console": False, "code": False, "system": False}


def test_a_call_is_a_run_with_its_arguments_and_what_it_returned(environment):  # noqa: F811
    @metascope.track("sinusoid", tags=["sweep"], **OPTIONS)
    def train(lr: float, steps: int = 3, **more: object) -> dict[str, float]:
        run = metascope.active_run()
        for step in range(steps):
            run.log({"loss": 1 / (step + 1)}, step=step)
        return {"loss": 1 / steps}

    assert train(0.5, max_tokens=7, api_key="hunter2") == {"loss": 1 / 3}
    assert metascope.active_run() is None

    run = Run.objects.get()
    assert run.params == {"lr": 0.5, "steps": 3, "max_tokens": 7, "api_key": "[masked]"}
    assert (run.name, run.summary, run.labels) == ("train", {"loss": 1 / 3}, ["sweep"])
    assert (run.status, run.exit_code) == (RunStatus.COMPLETED, 0)
    assert run.series.count() == 1


def test_the_run_is_handed_in_and_no_param(environment):  # noqa: F811
    @metascope.track("sinusoid", name="mine", params={"seed": 1}, **OPTIONS)
    def train(lr: float, run: metascope.Run | None = None) -> metascope.Run:
        assert run is metascope.active_run()
        return run

    assert train(lr=0.5) is not train(lr=0.25)
    assert [run.params for run in Run.objects.order_by("number")] == [
        {"lr": 0.5, "seed": 1}, {"lr": 0.25, "seed": 1},
    ]  # fmt: skip
    assert set(Run.objects.values_list("name", flat=True)) == {"mine"}


def test_a_call_that_raises_is_a_failed_run(environment):  # noqa: F811
    @metascope.track("sinusoid", **OPTIONS)
    async def train() -> None:
        raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        asyncio.run(train())

    run = Run.objects.get()
    assert run.status == RunStatus.FAILED
    assert "diverged" in run.status_reason
    assert run.exit_code == 1


def test_wrong_arguments_make_no_run(environment):  # noqa: F811
    @metascope.track("sinusoid", **OPTIONS)
    def train(lr: float) -> None:
        raise AssertionError("not called")

    with pytest.raises(TypeError, match="rate"):
        train(rate=0.5)

    assert not Run.objects.exists()


def test_a_generator_is_refused():
    with pytest.raises(TypeError, match="is a generator"):

        @metascope.track("sinusoid")
        def steps():
            yield 1


def test_a_wrong_option_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match="'tag' is no option .* did you mean 'tags'"):
        metascope.track("sinusoid", tag=["a"])
