"""Values that hold themselves, or whose text raises: left out and said, and no script ends."""

import metascope
import pytest

from experiments.models import Run, RunStatus
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


class Textless:
    """As lazy objects of other packages are, whose source is gone."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Worse(Exception):
    __str__ = Textless.__repr__


class TextlessAndWorse:
    def __repr__(self) -> str:
        raise Worse


SELF: dict = {}
SELF |= {"one": SELF, "two": SELF}
LIST: list = []
LIST.append(LIST)
HOSTILE = {
    "self": SELF, "list": LIST, "textless": Textless(), "worse": TextlessAndWorse(),
    Textless(): 1, "digits": 10**5000,
}  # fmt: skip
GIVEN = {"lr": 0.1, "net": {"width": 8, **HOSTILE}, **HOSTILE}
KEPT = {"lr": 0.1, "net": {"width": 8}}


def without_empty(found: dict) -> dict:
    """A mapping that holds nothing but itself is an empty one."""
    return {
        key: without_empty(one) if isinstance(one, dict) else one
        for key, one in found.items()
        if one != {}
    }


def test_params_and_results_are_kept_without_them(environment, capsys):  # noqa: F811
    with start(system=False, params=GIVEN) as run:
        run.set_summary({"loss": 1.0, **HOSTILE})
        run.set_summary(Textless())
        run.log_params({"later": GIVEN})
        run.log(GIVEN)

    found = Run.objects.get()
    assert without_empty(found.params) == {**KEPT, "later": KEPT}
    assert without_empty(found.summary) == {"loss": 1.0}
    assert found.status == RunStatus.COMPLETED
    said = capsys.readouterr().err
    assert "param textless: no text; it is left out" in said
    assert "param net.worse: Worse; it is left out" in said
    assert "param self.one: it is nested too deep, or holds itself; it is left out" in said
    assert "summary textless: no text" in said


@pytest.mark.parametrize("bad", [Textless(), SELF, LIST, TextlessAndWorse()])
def test_no_call_raises_for_one(environment, bad):  # noqa: F811
    with start(system=False, name=bad, notes=bad, tags=["a", bad]) as run:
        run.set_tags("kept", bad)
        run.set_notes(bad)
        run.alert(bad)
        run.alert("title", bad)
        run.log_text(bad, "x")
        run.log_text("t", bad)
        run.log_artifact(__file__, bad)
        run.log_artifact(bad)
        run.log_artifact(__file__, "file", metadata={"k": bad})
        run.save_artifact(bad, "x.py", lambda path: None)
        run.register_model(__file__, bad)
        run.log_episodes([[1, 2]], ids=[bad], step=0, name=bad)
        run.log({"x": 1.0})

    found = Run.objects.get()
    assert (found.status, found.series.count()) == (RunStatus.COMPLETED, 1)
    assert "kept" in found.labels


def test_a_call_that_is_tracked_takes_and_returns_them(environment):  # noqa: F811
    @metascope.track("sinusoid", console=False, code=False, system=False)
    def train(width, net):
        return {"loss": 0.5, "net": net}

    assert train(8, Textless())["loss"] == 0.5

    found = Run.objects.get()
    assert (found.params, found.summary) == ({"width": 8}, {"loss": 0.5})


@pytest.mark.parametrize(
    ("given", "status", "reason", "exit_code"),
    [
        (("failed", ValueError("no data")), "failed", "ValueError: no data\n", None),
        (("failed", "a\0b", 3), "failed", "a\N{REPLACEMENT CHARACTER}b", 3),
        (("failed", "x" * 3_000_000), "failed", "x" * 10_000, None),
        (("failed", 5), "failed", "5", None),
        (("completed", "", 2**70), "completed", "", None),
        (("done", "", "a"), "failed", "", None),
    ],
)
def test_a_run_ends_whatever_finish_is_told(environment, given, status, reason, exit_code):  # noqa: F811
    status_of, why, *code = given
    run = start(system=False)

    assert run.finish(status_of, why, exit_code=code[0] if code else None)

    found = Run.objects.get()
    assert (found.status, found.exit_code) == (status, exit_code)
    assert found.status_reason.endswith(reason) if reason else found.status_reason == ""
