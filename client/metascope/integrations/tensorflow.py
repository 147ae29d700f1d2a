"""TensorFlow: what a script writes by `tf.summary` is recorded, too.

with capture_summaries():
    ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from metascope._active import active_run
from metascope._options import check
from metascope._patches import Patches
from metascope._run import Run
from metascope._tensorboard import as_pictures, media_key
from metascope.integrations._framework import framework, never_raising

_tf: Any = framework("tensorflow", install="tensorflow")
# The attribute is one module and what `import tensorflow.summary` gives another, which then takes
# the attribute's place; scripts hold the one or the other, Keras's callback the second.
_modules: list[Any] = [_tf.summary, framework("tensorflow.summary", install="tensorflow")]

MOST_PICTURES = 16  # of one call


class capture_summaries(Patches):
    """From here on, until `close` or the end of a `with`: whatever TensorFlow writes by
    `tf.summary.scalar`, `histogram`, `image`, `text` and `audio` is recorded in `run`, or in the
    active one. Within `tf.function`, too, and by Keras's TensorBoard callback.

    Recorded is what TensorFlow records: there is a default writer, and `record_if` allows it.
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        check(run=run)
        self._run = run
        for module in {id(one): one for one in _modules}.values():
            for kind, keep in _KINDS.items():
                self.replace(module, kind, self._recorded(getattr(module, kind), keep))

    def _recorded(self, original: Callable[..., Any], keep: _Keep) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def write(name: str, data: Any, *args: Any, **kwargs: Any) -> Any:
            written = original(name, data, *args, **kwargs)
            given = signature.bind(name, data, *args, **kwargs).arguments
            self._take(keep, name, data, given.get("step"), given.get("sample_rate", 0))
            return written

        return write

    def _take(self, keep: _Keep, name: str, data: Any, step: Any, rate: int) -> None:
        step = _tf.summary.experimental.get_step() if step is None else step
        is_recorded = _tf.summary.should_record_summaries()

        def record(recorded: Any, value: Any, at: Any) -> None:
            run = self._run or active_run()
            if run is not None and recorded:
                with never_raising(run, f"tf.summary {name!r}"):
                    keep(run, name, value, int(at), rate)

        inputs = [is_recorded, data, 0 if step is None else step]
        if _tf.executing_eagerly():
            record(*(one.numpy() if hasattr(one, "numpy") else one for one in inputs))
        else:  # in a graph values exist only when it runs
            _tf.numpy_function(record, [_tf.convert_to_tensor(one) for one in inputs], [])


_Keep = Callable[[Run, str, Any, int, int], None]


def _scalar(run: Run, name: str, value: Any, step: int, rate: int) -> None:
    run.log({name: float(value)}, step=step)


def _histogram(run: Run, name: str, value: Any, step: int, rate: int) -> None:
    run.log_histogram(media_key(name), value, step=step)


def _image(run: Run, name: str, value: Any, step: int, rate: int) -> None:
    pictures = as_pictures(value, "NHWC")[:MOST_PICTURES]
    for place, picture in enumerate(pictures):
        key = media_key(name if len(pictures) == 1 else f"{name}/{place}")
        run.log_image(key, picture, step=step)


def _text(run: Run, name: str, value: Any, step: int, rate: int) -> None:
    found = value.tolist() if hasattr(value, "tolist") else value
    run.log_text(media_key(name), _decoded(found), step=step)


def _audio(run: Run, name: str, value: Any, step: int, rate: int) -> None:
    for place, sound in enumerate(value[:MOST_PICTURES]):
        key = media_key(name if len(value) == 1 else f"{name}/{place}")
        run.log_audio(key, sound, int(rate), step=step)


def _decoded(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_decoded(one) for one in value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_KINDS: dict[str, _Keep] = {
    "scalar": _scalar, "histogram": _histogram, "image": _image, "text": _text, "audio": _audio,
}  # fmt: skip
