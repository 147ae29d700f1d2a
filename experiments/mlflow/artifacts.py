"""Paths of artifacts: <experiment>/<run>/artifacts/<path below>, and the files they stand for."""

from dataclasses import dataclass
from urllib.parse import unquote

from django.db.models import QuerySet

from experiments import files
from experiments.errors import Invalid
from experiments.mlflow import experiments
from experiments.mlflow.words import Record, invalid, no_such
from experiments.models import Manifest, Project, Run, Workspace

_FOLDER = "artifacts"
_DEEPEST_ENCODING = 16


@dataclass(frozen=True)
class Place:
    """A path in the files of a run."""

    run: Run
    path: str  # below its root; "" is the root

    @property
    def project(self) -> Project:
        return self.run.project

    @property
    def tree(self) -> Manifest | None:
        """What is stored, if anything is."""
        return self.run.files

    def made(self) -> Manifest:
        """The tree, made if there is none."""
        if self.run.deleted_at is not None:
            raise Invalid(f"Run {self.run.pk} is deleted: restore it first.")
        return files.of_run(self.run)


def find(workspaces: QuerySet[Workspace], path: str) -> Place:
    """What a path stands for. Raises Invalid for one that leaves its tree, NotFound."""
    check(path)
    parts = path.rstrip("/").split("/")
    if len(parts) < 3 or parts[2] != _FOLDER:
        raise no_such("artifact", path)
    runs = Run.objects.select_related("project__workspace", "files")
    run = runs.filter(pk=parts[1], project__workspace__in=workspaces).first()
    if run is None or parts[0] not in (experiments.id_of(run.project), str(run.project_id)):
        raise no_such("artifact", path)
    return Place(run, "/".join(parts[3:]))


def check(path: str) -> None:
    """Raises Invalid for a path that is absolute or climbs, however often it is encoded."""
    plain = path
    for _ in range(_DEEPEST_ENCODING):
        _check_plain(plain)
        decoded = unquote(plain)
        if decoded == plain:
            return
        plain = decoded
    raise invalid("path", "is encoded too often.")


def _check_plain(path: str) -> None:
    if path.startswith(("/", "\\")) or "#" in path or ".." in path.replace("\\", "/").split("/"):
        raise invalid("path", f"is {path[:100]!r}: use a relative one without '..' and '#'.")


def listing(place: Place) -> list[Record]:
    """The children of a folder under their own names; none of a file, or of what is not there."""
    return [_entry(one.name, one) for one in files.children(place.tree, place.path)]


def listing_of_run(run: Run, folder: str) -> list[Record]:
    """The same under their paths below the root."""
    check(folder)
    folder = folder.strip("/")
    before = f"{folder}/" if folder else ""
    return [_entry(f"{before}{one.name}", one) for one in files.children(run.files, folder)]


def _entry(path: str, one: files.Entry) -> Record:
    size = {} if one.size is None else {"file_size": one.size}
    return {"path": path, "is_dir": one.is_folder, **size}
