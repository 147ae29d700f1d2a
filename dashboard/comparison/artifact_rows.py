"""Versions of artifacts and datasets that the compared runs read and made, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from dashboard.comparison.selection import Selection
from dashboard.version_rows import address
from experiments.comparing import trees
from experiments.comparing.trees import TreeDiff
from experiments.models import ArtifactUse, ArtifactVersion, DatasetInput, User
from experiments.models.projects import shut_from

MOST_ROWS = 100
MOST_USES = 5_000
MOST_DIFFS = 20  # pairs of versions whose files are compared
LARGEST_DIFF = 20_000  # files of a version that are compared here


@dataclass(frozen=True)
class ArtifactCell:
    """What one run used of an artifact: its last version, and how many others."""

    text: str
    href: str
    others: int
    differs: bool  # from the baseline's
    diff: TreeDiff | None  # of its files, from the baseline's
    diff_href: str


@dataclass(frozen=True)
class ArtifactRow:
    name: str
    kind: str
    role: str  # "read" or "made"
    cells: tuple[ArtifactCell | None, ...]
    differs: bool


def artifact_rows(selection: Selection, reader: User) -> list[ArtifactRow]:
    """One row for each artifact that any run read or made, then for datasets that MLflow's clients
    named; differences are to the baseline."""
    rows = _artifacts(selection, reader) + _datasets(selection)
    return sorted(rows, key=lambda row: (row.role != "read", not row.differs))[:MOST_ROWS]


def _artifacts(selection: Selection, reader: User) -> list[ArtifactRow]:
    uses = ArtifactUse.objects.filter(
        ~Q(version__artifact__project__in=shut_from(reader)), run__in=selection.ids
    ).select_related("version__artifact__project__workspace")
    found: dict[tuple[int, str], dict[str, list[ArtifactVersion]]] = {}
    for use in uses.defer("version__metadata").order_by("id")[:MOST_USES]:
        runs = found.setdefault((use.version.artifact_id, use.role), {})
        runs.setdefault(use.run_id, []).append(use.version)
    diffs = _Diffs()
    rows = []
    for (_, role), runs in found.items():
        artifact = next(iter(runs.values()))[-1].artifact
        base = runs.get(selection.baseline.run.pk, [None])[-1]
        cells = tuple(_cell(runs.get(pk), base, diffs) for pk in selection.ids)
        read = "read" if role == ArtifactUse.Role.INPUT else "made"
        rows.append(ArtifactRow(artifact.name, artifact.kind, read, cells, _differ(cells)))
    return rows


class _Diffs:
    """Trees of pairs of versions, each compared once, and not more than a page can bear."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], TreeDiff] = {}

    def of(self, old: ArtifactVersion, new: ArtifactVersion) -> TreeDiff | None:
        pair = (old.pk, new.pk)
        if pair not in self._known:
            is_large = max(old.file_count, new.file_count) > LARGEST_DIFF
            if is_large or len(self._known) >= MOST_DIFFS:
                return None
            self._known[pair] = trees.compare(old.files, new.files)
        return self._known[pair]


def _cell(
    versions: list[ArtifactVersion] | None, base: ArtifactVersion | None, diffs: _Diffs
) -> ArtifactCell | None:
    if not versions:
        return None
    version = versions[-1]
    differs = base is None or version.digest != base.digest
    diff = diffs.of(base, version) if base is not None and differs else None
    diff_href = f"{address(version)}&with={base.number}" if base is not None else ""
    text = f"v{version.number}"
    return ArtifactCell(text, address(version), len(versions) - 1, differs, diff, diff_href)


def _differ(cells: Sequence[ArtifactCell | None]) -> bool:
    return len({cell.text if cell else "" for cell in cells}) > 1


def _datasets(selection: Selection) -> list[ArtifactRow]:
    inputs = DatasetInput.objects.filter(run__in=selection.ids).select_related("dataset")
    found: dict[str, dict[str, list[str]]] = {}
    for one in inputs.order_by("pk")[:MOST_USES]:
        runs = found.setdefault(one.dataset.name, {})
        runs.setdefault(one.run_id, []).append(one.dataset.digest)
    rows = []
    for name, runs in found.items():
        base = runs.get(selection.baseline.run.pk)
        cells = tuple(_dataset_cell(pk, runs.get(pk), base) for pk in selection.ids)
        rows.append(ArtifactRow(name, "dataset", "read", cells, _differ(cells)))
    return rows


def _dataset_cell(
    run_id: str, digests: list[str] | None, base: list[str] | None
) -> ArtifactCell | None:
    if digests is None:
        return None
    href = f"{reverse('run', args=[run_id])}?tab=files"
    return ArtifactCell(", ".join(digests)[:80], href, 0, digests != base, None, "")
