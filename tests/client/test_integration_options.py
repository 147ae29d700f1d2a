"""Wrong options of integrations are refused before a training, and nothing ends it later."""

import inspect
from types import SimpleNamespace

import metascope
import pytest
from metascope import _options
from metascope._disabled import DisabledRun
from metascope.integrations._framework import RunSource, never_raising

from experiments.lifecycle.runs import LONGEST_NOTES
from experiments.lifecycle.tags import LONGEST_TAG, MOST_TAGS
from experiments.problems import Problems

WRONG = [
    ("project", 5, TypeError), ("project", "bad slug!!", ValueError),
    ("project", "-x", ValueError), ("project", "a/b/c", ValueError),
    ("name", 7, TypeError), ("name", "x" * 201, ValueError), ("name", "a\nb", ValueError),
    ("params", 3, TypeError), ("params", [("lr", 1)], TypeError),
    ("tags", "abc", TypeError), ("tags", [1], TypeError), ("tags", [" "], ValueError),
    ("notes", b"x", TypeError), ("notes", "x" * 100_001, ValueError), ("group", 1.5, TypeError),
    ("seed", "7", TypeError), ("seed", True, TypeError), ("seed", 2**63, ValueError),
    ("console", "no", TypeError), ("code", 2, ValueError), ("system", [], TypeError),
    ("parent", 5, TypeError), ("resume", 5, TypeError), ("after_step", 1.5, TypeError),
    ("shared", "job 7", ValueError), ("rank", "0", TypeError), ("rank", -1, ValueError),
    ("disabled", "no", TypeError),
]  # fmt: skip
PLACES = [one for one in WRONG if one[0] in _options.PLACE]
OTHERS = [one for one in WRONG if one[0] in _options.ABOUT]


@pytest.fixture
def spool(tmp_path, monkeypatch):
    monkeypatch.setenv("METASCOPE_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    return tmp_path / "spool"


def test_an_option_that_start_does_not_have_is_refused_when_the_callback_is_built():
    with pytest.raises(TypeError, match="'model' is no option here, nor one of metascope.start"):
        RunSource(None, "trees", {"model": "booster"})


@pytest.mark.parametrize(("name", "value", "kind"), WRONG)
@pytest.mark.parametrize("use", [lambda *given: RunSource(None, *given), lambda project, options: (
    metascope.track(project, **options)
)], ids=["integration", "track"])  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_when_it_is_given(use, name, value, kind):
    given = {"project": "trees", name: value}

    with pytest.raises(kind) as refused:
        use(given.pop("project"), given)

    assert str(refused.value).startswith(f"{name} is {value!r}"[:80])
    assert _options.OF_START[name].wanted in str(refused.value)


def test_every_option_of_start_has_a_rule_which_its_default_fits():
    options = inspect.signature(metascope.start).parameters

    assert set(options) == set(_options.OF_START)
    assert not [one for one in options.values() if _options.misfit(one.name, one.default)]


def test_what_fits_is_taken():
    numpy = pytest.importorskip("numpy")
    fitting = {
        "name": "a", "params": {"lr": 0.1}, "tags": ("a", "b"), "notes": "a\nb",
        "seed": numpy.int64(3),
        "console": numpy.bool_(False), "code": 0, "after_step": numpy.int32(2), "shared": "job-7",
        "rank": 1, "group": None,
    }  # fmt: skip

    _options.check_options("lab/trees-2", fitting)


@pytest.mark.parametrize(
    "slug", ["a", "a-b", "a" * 64, "a" * 65, "A", "a_b", "-a", "a-", "é", "a\n"]
)
def test_slugs_are_those_of_the_server(slug):
    problems = Problems()
    problems.slug("project", slug)

    assert (_options.misfit("project", slug) is None) == (not problems.fields)


def test_limits_are_those_of_the_server():
    assert (LONGEST_NOTES, MOST_TAGS, LONGEST_TAG) == (
        _options.LONGEST_NOTES, _options.MOST_TAGS, _options.LONGEST_TAG,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "value", "kind"), PLACES)
def test_a_run_without_a_place_is_not_recorded_which_start_says(name, value, kind, spool, capsys):
    with metascope.start(**{"project": "trees", name: value}) as run:
        run.log({"a": 1.0})

    assert isinstance(run, DisabledRun)
    assert f"metascope: this run is not recorded: {name} is " in capsys.readouterr().err
    assert not spool.exists()


@pytest.mark.parametrize(("name", "value", "kind"), OTHERS)
def test_start_leaves_out_what_does_not_fit_and_says_so(name, value, kind, spool, capsys):
    quiet = {"console": False, "code": False, "system": False}

    metascope.start("trees", **{**quiet, name: value}).finish()

    assert f"metascope: {name} is " in (said := capsys.readouterr().err)
    assert "it is left out" in said
    (segment,) = spool.glob("*/*.seg")
    assert f'"{name}": '.encode() not in segment.read_bytes()


@pytest.mark.parametrize("run", ["x", 5, {}, SimpleNamespace(log=print)])
def test_what_is_no_run_is_refused_when_the_callback_is_built(run):
    with pytest.raises(TypeError, match="^run is .*: use a run that metascope.start gave"):
        RunSource(run, "", {})
    with pytest.raises(TypeError, match="^run is "):
        metascope.sync_tensorboard(run)


@pytest.mark.parametrize(("name", "value"), [("model", 3), ("checkpoints", True), ("prefix", 1),
                                             ("score", "no"), ("models", "yes"),
                                             ("every_batches", 1.5)])  # fmt: skip
def test_a_value_of_an_integrations_own_option_is_refused(name, value):
    with pytest.raises(TypeError, match=f"^{name} is {value!r}, which does not fit: use "):
        _options.check(**{name: value})


@pytest.mark.parametrize("run", ["x", None])
def test_nothing_comes_out_of_never_raising(run):
    reached = []

    with never_raising(run, "xgboost"):
        reached.append("inside")
        raise RuntimeError("inside")
    reached.append("after")

    assert reached == ["inside", "after"]


@pytest.mark.parametrize("options", [{}, {"resume": "x", "shared": "y"}])
def test_a_run_that_cannot_begin_in_the_middle_of_a_training_ends_none(
    options, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("METASCOPE_SPOOL", str(tmp_path))
    source = RunSource(None, "", options)

    run = source.get()
    run.log({"a": 1.0})
    source.end()

    assert isinstance(run, DisabledRun)
    assert "this training is not recorded: " in capsys.readouterr().err
