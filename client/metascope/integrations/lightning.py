"""PyTorch Lightning: a logger whose runs are Metascope's.

trainer = Trainer(logger=MetascopeLogger("sinusoid"))
"""

from __future__ import annotations

import os
import sys
import uuid
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from metascope import _values
from metascope._ending import left_by
from metascope._options import check
from metascope._run import Run
from metascope.integrations._framework import RunSource, framework, numbers

# Two distributions of one library, with classes of their own: the one that the script uses.
_NAME = "pytorch_lightning" if "lightning" not in sys.modules and (
    "pytorch_lightning" in sys.modules
) else "lightning.pytorch"  # fmt: skip
_loggers: Any = framework(f"{_NAME}.loggers.logger", install="lightning")
_rank_zero: Any = framework(f"{_NAME}.utilities.rank_zero", install="lightning")
CHECKPOINTS = ("none", "best", "all")
_rank_zero_only: Any = _rank_zero.rank_zero_only


class MetascopeLogger(_loggers.Logger):
    """Records hyperparameters, metrics and, if asked, checkpoints of a Lightning training.

    `run`: one that was started; otherwise the active one, unless `project` (and `options` of
    `metascope.start`) begin a new one with the first use, on rank 0 only. `checkpoints`: "best"
    keeps the best and the last when a fit ends, "all" each as it is saved, as versions of the model
    artifact `checkpoint`. `prefix` comes before each metric's name.

    A fit that raises ends a run of the logger's own; otherwise it ends with the script, or by
    `logger.experiment.finish()`, so that `trainer.test` after `trainer.fit` records into it, too.
    """

    def __init__(
        self, project: str = "", *, run: Run | None = None, save_dir: str | os.PathLike[str] = ".",
        checkpoints: Literal["none", "best", "all"] = "none", prefix: str = "", **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        check(prefix=prefix)
        if checkpoints not in CHECKPOINTS:
            raise ValueError(f"checkpoints is {checkpoints!r}: use {', '.join(CHECKPOINTS)}")
        self._source = RunSource(run, project, options)
        self._save_dir = os.fspath(save_dir)
        self._checkpoints = checkpoints
        self._prefix = f"{prefix}/" if prefix else ""
        self._version: str | None = None
        self._callback: Any = None
        self._kept: set[tuple[str, float]] = set()

    @property
    @_loggers.rank_zero_experiment
    def experiment(self) -> Run:
        """The run; on other ranks something that does nothing."""
        return self._source.get()

    @property
    def name(self) -> str:
        """The project."""
        return self._source.project or "metascope"

    @property
    def version(self) -> str:
        """Names Lightning's folder of checkpoints: the run's id where the server had given it when
        it was first asked for, or one of our own; the same ever after."""
        if self._version is None:
            run = self._source.run
            self._version = (run.id if run else None) or uuid.uuid4().hex[:16]
        return self._version

    @property
    def save_dir(self) -> str:
        """Where Lightning keeps checkpoints."""
        return self._save_dir

    @_rank_zero_only
    def log_hyperparams(
        self, params: Mapping[str, Any] | Namespace, metrics: Mapping[str, Any] | None = None
    ) -> None:
        """As params of the run; `metrics`, if there are any, in its summary."""
        run = self._source.get()
        found = vars(params) if isinstance(params, Namespace) else params
        run.log_params(dict(_values.flat(found)))
        if metrics:
            run.set_summary(numbers(metrics))

    @_rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """As points; Lightning's `epoch` is one of them."""
        row = {f"{self._prefix}{key}": value for key, value in metrics.items()}
        self._source.get().log(row, step=step)

    @_rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Keep it at once, or remember whom to ask when the fit ends."""
        self._callback = checkpoint_callback
        if self._checkpoints == "all":
            self._keep_checkpoints()

    @_rank_zero_only
    def finalize(self, status: str) -> None:
        """The end of a fit, a test, ...: checkpoints are kept; a failed run ends."""
        if self._checkpoints != "none" and self._callback is not None:
            self._keep_checkpoints()
        if status == "failed":
            self._source.end(left_by(sys.exc_info()[1] or RuntimeError("the training failed")))

    def _keep_checkpoints(self) -> None:
        callback = self._callback
        last, best = callback.last_model_path, callback.best_model_path
        found = {path: ["last"] for path in (last,) if path}
        if self._checkpoints == "all":
            found.update({path: [] for path in getattr(callback, "best_k_models", {})})
        if best:
            found[best] = ["best"]
        for path, aliases in found.items():
            self._keep(Path(path), aliases)

    def _keep(self, path: Path, aliases: list[str]) -> None:
        if not path.exists():  # removed by Lightning since: a better one took its place
            return
        state = (str(path), path.stat().st_mtime)
        if state not in self._kept:
            self._kept.add(state)
            self._source.get().log_artifact(path, "checkpoint", kind="model", aliases=aliases)

    def __getstate__(self) -> dict[str, Any]:
        """For processes that Lightning spawns: a run of this process is no run of theirs."""
        source = RunSource(None, self._source.project, self._source.options)
        run = self._source.run
        if run is not None and run.id:
            source.options["resume"] = run.id
        return {**self.__dict__, "_source": source}
