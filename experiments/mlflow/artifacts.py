"""Paths of artifacts: EXPERIMENT/RUN/artifacts/PATH, EXPERIMENT/models/MODEL/artifacts/PATH, or
EXPERIMENT/versions/ID/artifacts/PATH for a version of an artifact of ours, to be read."""

from dataclasses import dataclass
from urllib.parse import unquote

from django.db.models import QuerySet

from experiments import files
from experiments.mlflow import experiments, logged_models, runs
from experiments.mlflow.words import Record, invalid, no_such
from experiments.models import ArtifactVersion, LoggedModel, Manifest, Project, Run

VERSIONS = "versions"
_FOLDER, _MODELS = "artifacts", "models"
_DEEPEST_ENCODING = 16


@dataclass(frozen=True)
class Place:
    """A path in the files of a run, of a logged model or of a version of an artifact."""

    owner: Run | LoggedModel | ArtifactVersion
    path: str  # below its root; "" is the root

    @property
    def project(self) -> Project:
        owner = self.owner
        return owner.artifact.project if isinstance(owner, ArtifactVersion) else owner.project

    @property
    def tree(self) -> Manifest | None:
        """What is stored, if anything is."""
        return self.owner.files

    def made(self) -> Manifest:
        """The tree, made if there is none. Raises for what is deleted."""
        if isinstance(self.owner, LoggedModel):
            return logged_models.files_of(self.owner)
        if isinstance(self.owner, ArtifactVersion):
            return self.owner.files  # sealed: whoever writes is told so
        runs.refuse_deleted(self.owner)
        return files.of_run(self.owner)


def find(projects: QuerySet[Project], path: str) -> Place:
    """What a path stands for in one of these projects. Raises Invalid for one that leaves its
    tree, NotFound."""
    check(path)
    parts = path.rstrip("/").split("/")
    kind = parts.pop(1) if parts[1:2] in ([_MODELS], [VERSIONS]) else ""
    if len(parts) < 3 or parts[2] != _FOLDER:
        raise no_such("artifact", path)
    owner = _owner(projects, kind, parts[1])
    if owner is None:
        raise no_such("artifact", path)
    place = Place(owner, "/".join(parts[3:]))
    if parts[0] not in (experiments.id_of(place.project), str(place.project.pk)):
        raise no_such("artifact", path)
    return place


def _owner(
    projects: QuerySet[Project], kind: str, key: str
) -> Run | LoggedModel | ArtifactVersion | None:
    if kind == VERSIONS:
        found = ArtifactVersion.objects.select_related("artifact__project__workspace", "files")
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            return None
        return found.filter(pk=int(key), artifact__project__in=projects).first()
    if kind == _MODELS:
        models = LoggedModel.objects.select_related("project__workspace", "files")
        return models.filter(pk=key, project__in=projects, deleted_at=None).first()
    rows = Run.objects.select_related("project__workspace", "files")
    return rows.filter(pk=key, project__in=projects).first()


def check_free(place: Place) -> None:
    """Raises unless a file may be put there: before its bytes are sent, as far as can be known."""
    files.check_free(place.made(), place.path)


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
