"""What runs showed beside their metrics: files below media/KIND/NAME/STEP.EXTENSION."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments import files
from experiments.models import ManifestFile, Run

FOLDER = "media"
MOST_FILES = 60_000  # of all runs together


@dataclass(frozen=True)
class MediaFile:
    """One file; `extension` is all after the step: "png", "table.json"."""

    run_id: str
    kind: str
    key: str
    step: int
    extension: str
    path: str


@dataclass(frozen=True)
class MediaIndex:
    """Media by kind and name. `names` and `steps` are of those whose name holds the text searched
    for, of `total` names; `is_all` is false where runs have more than is read."""

    names: tuple[tuple[str, str], ...]
    steps: tuple[int, ...]
    total: int
    is_all: bool
    files: Mapping[tuple[str, str], Mapping[str, Sequence[MediaFile]]]

    def at(self, name: tuple[str, str], run_id: str, step: int) -> MediaFile | None:
        """The file of a run at a step, else at the nearest."""
        return nearest(self.files[name].get(run_id, ()), step)


def media_index(runs: Sequence[Run], contains: str = "") -> MediaIndex:
    """The media of these runs by "kind/name", in that order."""
    found, is_all = media_of(runs)
    groups: dict[tuple[str, str], dict[str, list[MediaFile]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for media in found:
        groups[media.kind, media.key][media.run_id].append(media)
    wanted = contains.strip().lower()
    names = sorted(one for one in groups if wanted in "/".join(one).lower())
    steps = {media.step for name in names for of_run in groups[name].values() for media in of_run}
    return MediaIndex(tuple(names), tuple(sorted(steps)), len(groups), is_all, groups)


def media_of(runs: Sequence[Run], kind: str = "") -> tuple[list[MediaFile], bool]:
    """The media of these runs, of one kind if one is named, and whether that is all of them; of
    each run the first by path."""
    folder = f"{FOLDER}/{kind}" if kind else FOLDER
    found: list[MediaFile] = []
    most = MOST_FILES // max(1, len(runs))
    is_all = True
    for run in runs:
        rows = files.below(run.files, folder).filter(blob__isnull=False).order_by("path")
        paths = list(rows.values_list("path", flat=True)[: most + 1])
        is_all = is_all and len(paths) <= most
        found += [one for path in paths[:most] if (one := _parsed(run.pk, path)) is not None]
    return found, is_all


def file_of(run: Run, media: MediaFile) -> ManifestFile:
    """The stored file. Raises NotFound."""
    return files.find(run.files, media.path)


def nearest(found: Sequence[MediaFile], step: int) -> MediaFile | None:
    """The file of that step, else of the nearest, the earlier of two that are as near."""
    return min(found, key=lambda one: (abs(one.step - step), one.step), default=None)


def _parsed(run_id: str, path: str) -> MediaFile | None:
    """None for a path that follows another plan."""
    parts = path.split("/")
    step, dot, extension = parts[-1].partition(".")
    digits = step.removeprefix("-")
    if len(parts) < 4 or not (dot and digits.isascii() and digits.isdecimal() and len(digits) < 19):
        return None
    return MediaFile(run_id, parts[1], "/".join(parts[2:-1]), int(step), extension, path)
