"""Where runs were executed: Python, hardware, git state and packages side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from experiments.comparing import documents
from experiments.comparing.documents import Row
from experiments.models import Run

Change = Literal["added", "removed", "major", "minor", "patch", "other", ""]


@dataclass(frozen=True)
class PackageRow:
    """One package with each run's version: "" where it is not installed, None where no packages
    were recorded, which is no difference."""

    name: str
    versions: tuple[str | None, ...]
    differs: bool
    reference: str | None  # the baseline's


@dataclass(frozen=True)
class EnvironmentRows:
    """`packages` are those that differ; `same_packages` counts the others."""

    rows: tuple[Row, ...]
    packages: tuple[PackageRow, ...]
    same_packages: int

    @property
    def differing(self) -> int:
        """Rows and packages on which any two runs differ."""
        return sum(row.differs for row in self.rows) + len(self.packages)


def compare(runs: Sequence[Run], *, baseline: int = 0) -> EnvironmentRows:
    """Git state first, then what the environments say. A run that recorded nothing (it has not
    started) differs in nothing."""
    rows = tuple(documents.rows([_facts(run) for run in runs], baseline=baseline))
    packages = compare_packages(runs, baseline=baseline)
    changed = tuple(row for row in packages if row.differs)
    return EnvironmentRows(rows, changed, len(packages) - len(changed))


def compare_packages(runs: Sequence[Run], *, baseline: int = 0) -> list[PackageRow]:
    """Every package any of the runs had, by name; names compare as installers do (PEP 503)."""
    tables = [_packages(run) for run in runs]
    names = {key: name for table in tables for key, (name, _) in table.items()}
    found = []
    for key in sorted(names):
        versions = tuple(table.get(key, ("", ""))[1] if table else None for table in tables)
        differs = len(set(versions) - {None}) > 1
        found.append(PackageRow(names[key], versions, differs, versions[baseline]))
    return found


def package_change(before: str | None, after: str | None) -> Change:
    """How far apart two versions are: the first of their parts that differs."""
    if before == after or before is None or after is None:
        return ""
    if not before or not after:
        return "removed" if before else "added"
    first, second = before.split("."), after.split(".")
    names: tuple[Change, ...] = ("major", "minor", "patch")
    for name, old, new in zip(names, first, second, strict=False):
        if old != new:
            return name
    return "other"


def _facts(run: Run) -> dict[str, Any] | None:
    if not run.environment and run.snapshot is None:
        return None
    environment = {key: value for key, value in run.environment.items() if key != "packages"}
    git: dict[str, Any] = {}
    if run.snapshot is not None:
        git = {
            "git commit": run.snapshot.git_commit[:12] or "none",
            "git branch": run.snapshot.git_branch or "none",
            "git state": "uncommitted changes" if run.snapshot.patch_id else "clean",
        }
    return {**git, **environment}


def _packages(run: Run) -> dict[str, tuple[str, str]]:
    found = run.environment.get("packages")
    if not isinstance(found, Mapping):
        return {}
    return {
        str(name).lower().replace("_", "-").replace(".", "-"): (str(name), str(version))
        for name, version in found.items()
    }
