"""Callbacks, loggers and autologs refuse what does not fit before any training begins."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integrations

OF_ALL = ["M(5)", 'M("bad slug!!")', 'M("d", tags="abc")', 'M("d", params=3)', 'M(run="x")']
REFUSED = {
    "xgboost.MetascopeCallback": [*OF_ALL, 'M("d", model=3)'],
    "lightgbm.MetascopeCallback": OF_ALL,
    "sklearn.autolog": [*OF_ALL[:4], 'M("d", models="yes")', 'M("d", score="no")'],
    "keras.MetascopeCallback": [*OF_ALL, 'M("d", model=3)', 'M("d", every_batches=-1)'],
    "lightning.MetascopeLogger": [*OF_ALL, 'M("d", prefix=3)', 'M("d", checkpoints=True)'],
    "transformers.MetascopeCallback": [*OF_ALL, 'M("d", checkpoints=True)'],
    "tensorflow.capture_summaries": ["M(5)"],
}
SCRIPT = """
import importlib, sys
module, name = sys.argv[1].split(".")
M = getattr(importlib.import_module(f"metascope.integrations.{module}"), name)
for made in sys.argv[2:]:
    try:
        eval(made)
    except (TypeError, ValueError) as error:
        print(error)
    else:
        print("taken:", made)
"""


@pytest.mark.parametrize("made", REFUSED)
def test_what_does_not_fit_is_refused_when_it_is_made(made, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, made, *REFUSED[made]],
        env={**os.environ, "METASCOPE_SPOOL": str(tmp_path / "spool"), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-4_000:]
    told = done.stdout.splitlines()
    assert len(told) == len(REFUSED[made])
    assert [line for line in told if ": use " not in line] == []
    assert not (tmp_path / "spool").exists()


def test_a_training_with_a_wrong_run_does_not_begin():
    xgboost = pytest.importorskip("xgboost")
    integration = pytest.importorskip("metascope.integrations.xgboost")

    with pytest.raises(TypeError, match="run is 'x', which does not fit: use a run that"):
        xgboost.train({}, None, 2, callbacks=[integration.MetascopeCallback(run="x")])
