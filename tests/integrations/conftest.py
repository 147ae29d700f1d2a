"""Scripts of users of the frameworks, executed as they would be, against a live server."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import reading
from experiments.models import ArtifactVersion, ManifestFile, Run
from tests.client.test_end_to_end import environment, execute, script  # noqa: F401

Train = Callable[[str], Run]


@pytest.fixture
def train(environment, tmp_path) -> Train:  # noqa: F811
    """Executes a script and returns the only run it made."""

    def call(text: str) -> Run:
        quiet = {**environment, "TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_OFFLINE": "1"}
        done = execute([str(script(tmp_path, text))], quiet, tmp_path)
        assert done.returncode == 0, done.stderr[-4_000:]
        for complaint in ("not recorded", "could not be kept", "did not take", "not everything"):
            assert complaint not in done.stderr, done.stderr[-4_000:]
        return Run.objects.get()

    return call


def steps(run: Run, key: str) -> list[int]:
    return [point.step for point in reading.points(run.pk, key, limit=10_000).points]


def values(run: Run, key: str) -> list[float]:
    return [point.value for point in reading.points(run.pk, key, limit=10_000).points]


def keys(run: Run) -> set[str]:
    """Of metrics, without what the machine does."""
    found = reading.series_keys([run.pk]).get(run.pk, [])
    return {key for key in found if not key.startswith("system/")}


def media(run: Run) -> set[str]:
    """Paths of what the run shows."""
    return set(ManifestFile.objects.filter(manifest=run.files).values_list("path", flat=True))


def versions(name: str) -> list[ArtifactVersion]:
    return list(ArtifactVersion.objects.filter(artifact__name=name).order_by("number"))


def files_of(version: ArtifactVersion) -> set[str]:
    return {Path(file.path).name for file in version.files.files.all()}
