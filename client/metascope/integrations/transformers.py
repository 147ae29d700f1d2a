"""Hugging Face Transformers: a callback for `Trainer`.

Trainer(..., callbacks=[MetascopeCallback("sinusoid")])
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metascope._options import check
from metascope._run import Run
from metascope.integrations._framework import RunSource, framework, never_raising, numbers, suffix

_transformers: Any = framework("transformers", install="transformers accelerate")
_trainer_utils: Any = framework("transformers.trainer_utils", install="transformers")


class MetascopeCallback(_transformers.TrainerCallback):
    """Records the training's arguments and the network's configuration, what the trainer logs
    ("train/...", "eval/...", by global step) and, if asked, its checkpoints.

    `run`: one that was started; otherwise the active one, unless `project` (and `options` of
    `metascope.start`) begin one of the callback's own: what is evaluated after the training belongs
    to it, and it ends with the script, the next training, or `metascope.active_run().finish()`.
    `checkpoints`: the name of the model artifact whose versions they become. Only the first of
    several processes records.
    """

    def __init__(
        self, project: str = "", *, run: Run | None = None, checkpoints: str = "", **options: Any
    ) -> None:
        check(checkpoints=checkpoints)
        self._source = RunSource(run, project, options)
        self._checkpoints = checkpoints
        self._is_trained = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """What is trained, and how."""
        if not state.is_world_process_zero:
            return
        if self._is_trained:
            self._source.end()
        self._is_trained = False
        run = self._source.get()
        with never_raising(run, "transformers"):
            model = more.get("model")
            found = {"trainer": args.to_sanitized_dict()}
            if model is not None and hasattr(model, "config"):
                found["model"] = model.config.to_diff_dict()
            if model is not None:
                found["parameters"] = sum(one.numel() for one in model.parameters())
            again = suffix(run, "transformers")
            run.log_params({f"{key}{again}": value for key, value in found.items()})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Whatever the trainer reports; results of the whole training go to the summary."""
        if not state.is_world_process_zero or not logs:
            return
        found = numbers(logs)
        results = {key: value for key, value in found.items() if key.startswith("train_")}
        row = {_named(key): value for key, value in found.items() if key not in results}
        if results:
            self._source.get().set_summary({_named(key): results[key] for key in results})
        if row:
            self._source.get().log(row, step=state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """The checkpoint that was just written."""
        if state.is_world_process_zero and self._checkpoints:
            name = f"{_trainer_utils.PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            self._source.get().log_artifact(
                Path(args.output_dir, name), self._checkpoints, kind="model",
                metadata={"step": state.global_step},
            )  # fmt: skip

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """The best there was."""
        if not state.is_world_process_zero:
            return
        if state.best_metric is not None:
            self._source.get().set_summary({"best": numbers({"metric": state.best_metric})})
        self._is_trained = True


def _named(key: str) -> str:
    for prefix in ("eval", "test", "train"):
        if key.startswith(f"{prefix}_"):
            return f"{prefix}/{key[len(prefix) + 1 :]}"
    return f"train/{key}"
