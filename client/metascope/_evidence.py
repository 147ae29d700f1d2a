"""What a run shows beside its metrics: artifacts, episodes, pictures, tables, histograms."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metascope import _bundle, _download, _layers, _media, _values
from metascope._api import Api
from metascope._errors import Refused, Unreachable
from metascope._registration import Registration
from metascope._settings import Settings

LONGEST_NAME = 200
_NOT_IN_NAMES = re.compile(r"[^\w.\-]+")
LONGEST_ALERT = 10_000
LOOK_S = 0.1
ALERT_LEVELS = ("info", "warning", "error")


class Evidence(ABC):
    """The part of a `Run` that keeps files. What cannot be kept is counted, never raised; only
    `use_artifact` and `use_model`, which the script waits for, raise.
    """

    _project: str
    _step: int
    _logged: dict[str, list[str]]  # bundles that may be on their way, by the artifact or model

    @abstractmethod
    def _event(self, kind: str, content: Any) -> None:
        """Write it into the spool."""

    @abstractmethod
    def _lose(self, count: int, what: str = "", error: Exception | None = None) -> None:
        """Count what could not be kept, and say why."""

    @abstractmethod
    def _new_file(self, kind: str, size: int = 0) -> Path:
        """A name beside the spool that no other thread or process takes, for so many bytes. Raises
        ValueError, OSError where there is no room for them."""

    @abstractmethod
    def _stands_in(self) -> bool:
        """Whether files have no room beside the spool, which lies in memory. Raises ValueError."""

    @abstractmethod
    def _settings_of(self) -> Settings:
        """Where the server is, and who asks. Raises ValueError."""

    @abstractmethod
    def _upload_of(self, bundle: str) -> str | None:
        """Why the server refused this bundle; empty once it has it, None before either."""

    @abstractmethod
    def _version_of(self, bundle: str) -> tuple[bool, int | None]:
        """Whether it is decided which version of a model this bundle is, and which."""

    def log_artifact(
        self, source: str | os.PathLike[str], name: str = "", *, kind: str = "file",
        aliases: Sequence[str] = (), metadata: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Keep a file or a folder, or the address of data that stays elsewhere ("s3://..."), as a
        version of the artifact `name` (the file's name when left out); equal content is the same
        version. `kind`: "dataset", "model" or "file".

        Files of up to 16 MiB (256 MiB together) are copied before this returns; larger ones are
        sent from where they are, and are refused if they change before that.
        """
        self._keep(source, name, kind=kind, aliases=aliases, metadata=metadata)

    def register_model(
        self, source: str | os.PathLike[str], model: str, name: str = "", *,
        aliases: Sequence[str] = (), metadata: Mapping[str, Any] | None = None,
    ) -> Registration:  # fmt: skip
        """Keep a file or a folder as `log_artifact` does with the kind "model", and register it as
        the next version of the model `model`, which `aliases` then point to; equal content is the
        same version. `name`: of the artifact; the model's when left out.

        Returns at once; the `version` of what is returned waits for the server to number it."""
        kept = name or _NOT_IN_NAMES.sub("-", _values.shown(model)).strip("-.") or "model"
        bundle = self._keep(
            source, kept, kind="model", aliases=(), metadata=metadata, model=model,
            model_aliases=aliases,
        )  # fmt: skip
        return Registration(model, lambda: self._version_of(bundle) if bundle else (True, None))

    def _keep(
        self, source: str | os.PathLike[str], name: str, *, kind: str, aliases: Sequence[str],
        metadata: Mapping[str, Any] | None, model: str = "", model_aliases: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """The bundle's name; empty where it could not be kept."""
        try:
            if not (isinstance(name, str) and isinstance(model, str)):
                raise TypeError("names are texts")
            path = self._new_file("artifact").with_suffix(".json")
            found = _bundle.gather(
                source, path.with_suffix(""), name=name, kind=kind, aliases=aliases,
                metadata=_values.plain(metadata or {}), copy=not self._stands_in(),
            )  # fmt: skip
            found.model, found.model_aliases = model, list(model_aliases)
            _bundle.write(found, path)
        except Exception as error:  # logging must never end a training
            self._lose(1, f"artifact {_values.shown(name or source)}", error)
            return ""
        return self._send(found, path)

    def _send(self, found: _bundle.Bundle, path: Path) -> str:
        for name in filter(None, (found.name, found.model)):
            self._logged.setdefault(name, []).append(path.name)
        self._event("artifact", {"bundle": path.name})
        return path.name

    def _settle(self, api: Api, name: str) -> None:
        """Until the server has what this run logged under that name. Raises Unreachable where it is
        not sent in time, Refused where the server did not take it: it would show an older one."""
        settings = self._settings_of()
        until = time.monotonic() + settings.exit_wait_s
        for bundle in self._logged.get(name, [])[-1:]:
            while (why := self._upload_of(bundle)) is None:
                if settings.mode != "online" or time.monotonic() >= until:
                    raise Unreachable(f"what this run logged as {name!r} is not sent yet")
                api.get("users/me/")
                time.sleep(LOOK_S)
            if why:
                raise Refused(f"the server did not take what this run logged as {name!r}: {why}")

    def save_artifact(
        self, name: str, file: str, save: Callable[[str], Any], *, kind: str = "model",
        aliases: Sequence[str] = (), metadata: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Keep what `save` writes under the path it is called with, which ends in `file`, as a
        version of the artifact `name`: `run.save_artifact("net", "net.pt", network.save)`. What
        was written stays beside the spool until it is sent."""
        try:
            if self._stands_in():
                raise OSError(
                    "the spool stands in for one that cannot be written: save it "
                    "elsewhere, and use log_artifact"
                )
            path = self._new_file("artifact").with_suffix(".json")
            folder = path.with_suffix("")  # goes with the bundle
            folder.mkdir(mode=0o700)
            save(os.fspath(folder / file))
            found = _bundle.gather(
                folder, folder, name=name, kind=kind, aliases=aliases,
                metadata=_values.plain(metadata or {}), copy=False,
            )  # fmt: skip
            _bundle.write(found, path)
        except Exception as error:  # logging must never end a training
            self._lose(1, f"artifact {_values.shown(name)!r}", error)
            return
        self._send(found, path)

    def use_artifact(
        self, reference: str, *, project: str = "", to: str | os.PathLike[str] | None = None
    ) -> Path:
        """Fetch a version, "name", "name:3" or "name:alias", and note that this run reads it.

        Returns the folder its files are in: `to`, or one in this machine's cache. What this run
        logged under that name before is waited for, so "latest" is that. Needs the server: raises
        Unreachable or Denied without it, Refused where there is no such version.
        """
        settings = self._settings_of()
        api = Api(settings.url, settings.token)
        self._settle(api, reference.partition(":")[0])
        version = _download.find(api, project or self._project, reference)
        folder = Path(to) if to else settings.cache / "versions" / version["digest"]
        _download.fetch(api, version, folder, settings.cache)
        self._event("use", {"version": version["id"]})
        return folder

    def use_model(self, reference: str, *, to: str | os.PathLike[str] | None = None) -> Path:
        """Fetch a version of a registered model: "name", "name:3" or "name@alias", after
        "workspace/" where several have that name. Note that this run reads it, where it is a
        version of an artifact.

        Returns the folder its files are in, and raises, as `use_artifact` does.
        """
        settings = self._settings_of()
        api = Api(settings.url, settings.token)
        self._settle(api, re.split("[:@]", reference.rpartition("/")[2])[0])
        address, version = _download.find_model(api, reference)
        folder = _download.fetch_model(api, address, Path(to) if to else None, settings.cache)
        if version["artifact_version"] is not None:
            self._event("use", {"version": version["artifact_version"]})
        return folder

    def log_episodes(
        self, losses: Any, *, ids: Sequence[str], step: int, accuracies: Any = None,
        name: str = "test", split: str = "test", protocol: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """An evaluation, episode by episode: query losses (and accuracies) of shape
        (episodes, inner steps + 1), the first column before adaptation.

        `ids` name the episodes, the same ones in every run: runs are compared on those they have
        in common. `protocol` says how they were drawn: way, shot, query, seed, ... Again under the
        same name and step it replaces the earlier one.
        """
        try:
            rows = _table(losses)
            content = {
                "name": name, "split": split, "step": _values.whole(step), "episode_ids": list(ids),
                "losses": rows, "inner_steps": len(rows[0]) - 1,
                "protocol": _values.plain(protocol or {}),
            }  # fmt: skip
            if accuracies is not None:
                content["accuracies"] = _table(accuracies)
        except Exception as error:  # logging must never end a training
            self._lose(1, f"episodes {_values.shown(name)!r}", error)
            return
        self._event("episodes", content)

    def log_figure(self, key: str, figure: Any, step: int | None = None) -> None:
        """A Matplotlib figure (as PNG) or a Plotly figure."""
        self._media("figure", key, step, lambda: _media.figure(figure))

    def log_image(self, key: str, image: Any, step: int | None = None) -> None:
        """A picture: a file (PNG, JPEG, GIF, WebP, SVG), its bytes, a PIL image, or an array (H, W)
        or (H, W, 1, 3 or 4)."""
        self._media("image", key, step, lambda: _media.image(image))

    def log_audio(self, key: str, sound: Any, rate: int = 44_100, step: int | None = None) -> None:
        """A sound: a file, or an array (samples,) or (samples, channels) of `rate` a second."""
        self._media("audio", key, step, lambda: _media.audio(sound, rate))

    def log_video(self, key: str, file: str | Path, step: int | None = None) -> None:
        """A video file."""
        self._media("video", key, step, lambda: _media.video(file))

    def log_table(
        self, key: str, rows: Any, columns: Sequence[str] | None = None, step: int | None = None
    ) -> None:
        """A table: a pandas frame, a list of mappings, or lists with `columns`."""
        self._media("table", key, step, lambda: _media.table(rows, columns))

    def log_histogram(self, key: str, values: Any, bins: int = 64, step: int | None = None) -> None:
        """How values are distributed, in equal bins; NaN and infinities are counted apart."""
        self._media("histogram", key, step, lambda: _media.histogram(values, bins))

    def log_confusion_matrix(
        self, key: str, matrix: Any, labels: Sequence[Any] | None = None, step: int | None = None
    ) -> None:
        """A confusion matrix: counts, a row for each true class, a column for each predicted."""
        self._media("confusion", key, step, lambda: _media.confusion(matrix, labels))

    def log_curve(
        self, key: str, x: Any, y: Any, *, x_title: str = "x", y_title: str = "y",
        step: int | None = None,
    ) -> None:  # fmt: skip
        """A curve over something else than steps, such as precision against recall."""
        self._media("curve", key, step, lambda: _media.curve(x, y, x_title, y_title))

    def log_text(self, key: str, text: str, step: int | None = None) -> None:
        """A text."""
        self._media("text", key, step, lambda: _media.text(text))

    def log_html(self, key: str, page: str, step: int | None = None) -> None:
        """A page of HTML. The server shows it in a sandbox: no scripts, nothing fetched."""
        self._media("html", key, step, lambda: _media.page(page))

    def _describe(self, model: Any) -> bool:
        """Keep the layers of a model with the run's files; one of the same class takes the place
        of an earlier one. False for what has none; raises where they cannot be kept."""
        content = _layers.described(model)
        if content is not None:
            file = self._new_file("file")
            file.write_bytes(content)
            path = f"models/{_layers.name_of(model)}.layers.json"
            self._event("file", {"path": path, "file": file.name})
        return content is not None

    def alert(self, title: str, text: str = "", level: str = "warning") -> None:
        """Say something that people should see, at the top of the run's page and in REST: `level`
        is "info", "warning" or "error". Kept with the run's files, below alerts/, with the last
        step that was logged."""
        try:
            now_ns = time.time_ns()
            if level not in ALERT_LEVELS or not title.strip():
                raise ValueError(f"a title, and one of {', '.join(ALERT_LEVELS)} are needed")
            content = {
                "title": title[:LONGEST_NAME], "text": text[:LONGEST_ALERT], "level": level,
                "step": self._step - 1 if self._step else None, "time": now_ns / 1e9,
            }  # fmt: skip
        except Exception as error:  # logging must never end a training
            self._lose(1, f"alert {_values.shown(title)!r}", error)
            return
        name = f"{now_ns:019d}-{uuid.uuid4().hex[:8]}.json"  # sorts by time
        self._event("alert", {"path": f"alerts/{name}", "alert": content})

    def _media(
        self, kind: str, key: str, step: int | None, encode: Callable[[], _media.Encoded]
    ) -> None:
        """Keep the content beside the spool, and say where it belongs."""
        try:
            parts = key.split("/")
            problem = _values.problem_of(key)
            if problem or len(key) > LONGEST_NAME or any(one in ("", ".", "..") for one in parts):
                raise ValueError(problem or "names are like train/example, without . and ..")
            at = self._step if step is None else _values.whole(step)
            extension, content = encode()
            size = content.stat().st_size if isinstance(content, Path) else len(content)
            if size > _media.LARGEST_FILE:
                raise ValueError(f"{size} bytes are too many: log an artifact instead")
            file = self._new_file("file", size)
            if isinstance(content, Path):
                shutil.copyfile(content, file)
            else:
                file.write_bytes(content)
        except Exception as error:  # logging must never end a training
            self._lose(1, f"{kind} {_values.shown(key)!r}", error)
            return
        path = f"media/{kind}/{key}/{at:012d}.{extension}"
        self._event("file", {"path": path, "file": file.name})


def _table(numbers: Any) -> list[list[float | str]]:
    """Rows as the server takes them: NaN and infinities by name. Raises ValueError, TypeError."""
    if hasattr(numbers, "tolist"):
        numbers = numbers.tolist()
    rows = [[_named(float(number)) for number in row] for row in numbers]
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ValueError("rows of one length are needed: one for each episode")
    return rows


def _named(number: float) -> float | str:
    if number != number:
        return "nan"
    if number in (float("inf"), float("-inf")):
        return "inf" if number > 0 else "-inf"
    return number
