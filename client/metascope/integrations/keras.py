"""Keras 3, on any of its backends: a callback for `fit` and `evaluate`.

network.fit(x, y, callbacks=[MetascopeCallback()])
"""

from __future__ import annotations

from typing import Any

from metascope._options import check
from metascope._run import Run
from metascope.integrations._framework import RunSource, framework, never_raising, numbers, suffix

_callbacks: Any = framework("keras.callbacks", install="keras")
_ops: Any = framework("keras.ops", install="keras")


class MetascopeCallback(_callbacks.Callback):
    """Records metrics of epochs ("train/...", "val/...", by epoch) and, every `every_batches`
    batches, of batches ("batch/...", by batch), the learning rate, and what the network looks like.

    `run`: one that was started; otherwise the active one, unless `project` (and `options` of
    `metascope.start`) begin one of the callback's own, which ends with the training. `model`: keep
    the trained network as a version of the model artifact of that name.
    """

    def __init__(
        self, project: str = "", *, run: Run | None = None, every_batches: int = 0,
        model: str = "", **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        check(model=model, every_batches=every_batches)
        self._source = RunSource(run, project, options)
        self._every = every_batches
        self._name = model
        self._batches = 0
        self._is_fitting = False
        self._last: dict[str, float] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """What is trained, and how."""
        self._is_fitting = True
        run = self._source.get()
        with never_raising(run, "keras"):
            found = {"fit": self.params, "optimizer": self._optimizer()}
            if self.model.built:
                found["parameters"] = self.model.count_params()
            again = suffix(run, "keras")
            run.log_params({f"{key}{again}": value for key, value in found.items()})
            lines: list[str] = []
            self.model.summary(print_fn=lambda line, *_, **__: lines.append(line))
            run.log_text("model/summary", "\n".join(lines), step=0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Every so many batches; counted over all epochs."""
        if self._every and self._batches % self._every == 0:
            row = {f"batch/{key}": value for key, value in numbers(logs or {}).items()}
            self._source.get().log(row, step=self._batches)
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The epoch's means."""
        found = numbers(logs or {})
        rate = found.pop("learning_rate", None)  # of Keras's own schedules
        self._last = {_named(key): value for key, value in found.items()}
        rate = self._learning_rate() if rate is None else rate
        row = {**self._last, **({} if rate is None else {"train/learning_rate": rate})}
        self._source.get().log(row, step=epoch)

    def on_test_end(self, logs: Any = None) -> None:
        """Results of `evaluate`; those of validation within `fit` come with the epoch."""
        if not self._is_fitting:
            found = numbers(logs or {})
            self._source.get().set_summary({f"test/{key}": found[key] for key in found})

    def on_train_end(self, logs: Any = None) -> None:
        """Results, and the network if it is to be kept."""
        self._is_fitting = False
        run = self._source.get()
        run.set_summary(self._last)
        if self._name:
            run.save_artifact(self._name, "network.keras", self.model.save)
        self._source.end()

    def _optimizer(self) -> Any:
        optimizer = getattr(self.model, "optimizer", None)
        return optimizer.get_config() if optimizer is not None else None

    def _learning_rate(self) -> float | None:
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None:
            return None
        return float(_ops.convert_to_numpy(optimizer.learning_rate))


def _named(key: str) -> str:
    return f"val/{key[4:]}" if key.startswith("val_") else f"train/{key}"
