"""Recording switched off: every method works, and nothing is left."""

import inspect

import metascope
import pytest
from metascope._disabled import DisabledRun
from metascope._run import Run


@pytest.fixture
def spool(tmp_path, monkeypatch):
    monkeypatch.setenv("METASCOPE_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


ARGUMENTS = {
    "log": ({"loss": 1.0}, 3),
    "log_params": ({"lr": 1},),
    "set_summary": ({"loss": 1},),
    "set_tags": ("a",),
    "set_notes": ("a",),
    "edit": ({"name": "a"},),
    "count_from": (3,),
    "record_code": ({"files": {}},),
    "finish": (),
    "wait": (0.0,),
    "capture_console": (),
    "watch_machine": (),
    "watch": (None,),
    "log_artifact": ("nowhere",),
    "register_model": ("nowhere", "net"),
    "save_artifact": ("net", "net.pt", None),
    "log_episodes": ([[1.0]],),
    "log_figure": ("a", None),
    "log_image": ("a", None),
    "log_audio": ("a", None),
    "log_video": ("a", "film.mp4"),
    "log_table": ("a", []),
    "log_histogram": ("a", []),
    "log_curve": ("a", [], []),
    "log_confusion_matrix": ("a", [[1]]),
    "log_text": ("a", "b"),
    "log_html": ("a", "b"),
    "alert": ("a",),
    "as_parent": (),
}
NAMED = {"log_episodes": {"ids": ["e"], "step": 0}}


def test_every_method_works_and_leaves_nothing(spool, capsys):
    with metascope.start("x", disabled=True) as run:
        assert metascope.active_run() is run
        for name, arguments in ARGUMENTS.items():
            getattr(run, name)(*arguments, **NAMED.get(name, {}))

    assert (run.id, run.url, run.lost, run.finish()) == (None, None, 0, True)
    assert metascope.active_run() is None
    assert not spool.exists()
    assert capsys.readouterr() == ("", "")


def test_no_method_is_left_out():
    methods = {
        name for name, _ in inspect.getmembers(Run, inspect.isfunction) if not name.startswith("_")
    }
    assert methods - {"use_artifact", "use_model"} == set(ARGUMENTS)
    assert issubclass(DisabledRun, Run)


def test_the_environment_switches_it_off_and_no_project_is_needed(spool, monkeypatch):
    monkeypatch.setenv("METASCOPE_MODE", "disabled")

    assert metascope.start().finish()
    assert not spool.exists()


def test_a_run_needs_a_project(spool, monkeypatch):
    monkeypatch.setenv("METASCOPE_MODE", "offline")
    with pytest.raises(ValueError, match="METASCOPE_PROJECT"):
        metascope.start()

    monkeypatch.setenv("METASCOPE_PROJECT", "sinusoid")
    metascope.start(console=False, code=False, system=False).finish()

    (segment,) = spool.glob("*/*.seg")
    assert b'"project": "sinusoid"' in segment.read_bytes()


def test_another_mode_is_refused(monkeypatch):
    monkeypatch.setenv("METASCOPE_MODE", "off")
    with pytest.raises(ValueError, match="use online, offline, disabled"):
        metascope.start("x")
