"""Wrong options of integrations are refused before a training, and nothing ends it later."""

import pytest
from metascope._disabled import DisabledRun
from metascope.integrations._framework import RunSource


def test_an_option_that_start_does_not_have_is_refused_when_the_callback_is_built():
    with pytest.raises(TypeError, match="'model' is no option here, nor one of metascope.start"):
        RunSource(None, "trees", {"model": "booster"})


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
