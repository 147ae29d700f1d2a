"""`sync_tensorboard`: what a script tells TensorBoard's `SummaryWriter` is recorded, too.

Both writers are mirrored, PyTorch's (torch.utils.tensorboard, which needs the tensorboard package)
and tensorboardX's, which needs nothing; so is whatever uses them, such as Lightning's and Hugging
Face's own loggers.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import threading
from collections.abc import Callable
from typing import Any

from metascope._active import active_run
from metascope._errors import MissingFramework
from metascope._options import check
from metascope._patches import Patches
from metascope._run import Run

WRITERS = {"torch.utils.tensorboard": ("torch", "tensorboard"), "tensorboardX": ("tensorboardX",)}
MOST_PICTURES = 16  # of one call


class Mirror(Patches):
    """Writers with a second reader. Made by `sync_tensorboard`; `close` undoes it."""

    def __init__(self, run: Run | None, writers: list[Any]) -> None:
        super().__init__()
        self._run = run
        self._within = threading.local()  # a method of a writer that another one calls
        for writer in writers:
            for name, keep in _KINDS.items():
                self.replace(writer, name, self._mirrored(getattr(writer, name), keep))

    def _mirrored(self, original: Callable[..., Any], keep: _Keep) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def write(*args: Any, **kwargs: Any) -> Any:
            run = self._run or active_run()
            if run is None or getattr(self._within, "is_writing", False):
                return original(*args, **kwargs)
            self._within.is_writing = True
            try:
                # Before the writer: it closes figures.
                self._keep(run, keep, signature, args, kwargs)
                return original(*args, **kwargs)
            finally:
                self._within.is_writing = False

        return write

    def _keep(
        self, run: Run, keep: _Keep, signature: inspect.Signature, args: Any, kwargs: Any
    ) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:  # the writer itself says what is wrong
            return
        bound.apply_defaults()
        given = bound.arguments
        step = given.get("global_step")
        try:
            keep(run, given, None if step is None else int(step))
        except Exception as error:  # logging must never end a training
            run._lose(1, f"{given.get('tag', 'summary')!r}", error)


_Keep = Callable[[Run, dict[str, Any], int | None], None]


def _scalar(run: Run, given: dict[str, Any], step: int | None) -> None:
    run.log({given["tag"]: given["scalar_value"]}, step=step)


def _scalars(run: Run, given: dict[str, Any], step: int | None) -> None:
    run.log({given["main_tag"]: given["tag_scalar_dict"]}, step=step)


def _histogram(run: Run, given: dict[str, Any], step: int | None) -> None:
    run.log_histogram(media_key(given["tag"]), given["values"], step=step)


def _image(run: Run, given: dict[str, Any], step: int | None) -> None:
    pictures = as_pictures(given["img_tensor"], given["dataformats"])[:MOST_PICTURES]
    for place, picture in enumerate(pictures):
        tag = given["tag"] if len(pictures) == 1 else f"{given['tag']}/{place}"
        run.log_image(media_key(tag), picture, step=step)


def _figure(run: Run, given: dict[str, Any], step: int | None) -> None:
    figures = given["figure"] if isinstance(given["figure"], list) else [given["figure"]]
    for place, figure in enumerate(figures):
        tag = given["tag"] if len(figures) == 1 else f"{given['tag']}/{place}"
        run.log_figure(media_key(tag), figure, step=step)


def _text(run: Run, given: dict[str, Any], step: int | None) -> None:
    run.log_text(media_key(given["tag"]), given["text_string"], step=step)


def _audio(run: Run, given: dict[str, Any], step: int | None) -> None:
    sound = given["snd_tensor"]
    run.log_audio(media_key(given["tag"]), sound.reshape(-1), given["sample_rate"], step=step)


def _hparams(run: Run, given: dict[str, Any], step: int | None) -> None:
    run.log_params(given["hparam_dict"])
    run.set_summary(given["metric_dict"])


_KINDS: dict[str, _Keep] = {
    "add_scalar": _scalar, "add_scalars": _scalars, "add_histogram": _histogram,
    "add_image": _image, "add_images": _image, "add_figure": _figure, "add_text": _text,
    "add_audio": _audio, "add_hparams": _hparams,
}  # fmt: skip


def as_pictures(tensor: Any, layout: str) -> list[Any]:
    """The pictures of a tensor whose axes are named by `layout` ("CHW", "NHWC", "HW", ...), each an
    array (H, W) or (H, W, C). Raises ValueError for another number of axes."""
    for method in ("detach", "cpu", "numpy"):
        if hasattr(tensor, method):
            tensor = getattr(tensor, method)()
    axes = layout.upper()
    if tensor.ndim != len(axes):
        raise ValueError(f"the shape {tuple(tensor.shape)} is no {layout}")
    ordered = tensor.transpose([axes.index(one) for one in "NHWC" if one in axes])
    return list(ordered) if "N" in axes else [ordered]


def media_key(tag: str) -> str:
    """A tag as the name of a file of the run, which knows no empty parts, "." and ".."."""
    parts = [part for part in str(tag).split("/") if part.strip() not in ("", ".", "..")]
    return "/".join(parts) or "untitled"


def sync_tensorboard(run: Run | None = None) -> Mirror:
    """Record what `SummaryWriter`s are told from here on in `run`, or in whatever run is active
    then: scalars, histograms, images, figures, texts, sounds, and hparams as params and summary.
    The event files are written as before.

    Returns what `close` undoes it with; it is a context manager, too. Raises MissingFramework where
    neither torch.utils.tensorboard nor tensorboardX is installed, TypeError for a `run` that is
    none.
    """
    check(run=run)
    writers = [
        importlib.import_module(module).SummaryWriter
        for module, needed in WRITERS.items()
        if all(importlib.util.find_spec(one) for one in needed)
    ]
    if not writers:
        raise MissingFramework(
            "there is no SummaryWriter to mirror: pip install tensorboard (for "
            "torch.utils.tensorboard) or tensorboardX"
        )
    return Mirror(run, writers)
