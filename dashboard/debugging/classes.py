"""Results class by class, from the confusion matrices that a run logged."""

from dataclasses import dataclass

from dashboard.media.content import Confusion, confusion
from dashboard.media.stored import parsed
from dashboard.metric_names import natural
from experiments import reading
from experiments.models import Run
from experiments.reading.media import MediaFile

LARGEST = 4 * 1024 * 1024
KIND = "confusion"


@dataclass(frozen=True)
class ClassResult:
    """One class: of `count` examples the share found, of those called so the share that are, and
    what it is most taken for. None where nothing is divided."""

    label: str
    count: float
    recall: float | None
    precision: float | None
    f1: float | None
    taken_for: str
    taken: float


@dataclass(frozen=True)
class ClassResults:
    """All classes of one matrix, the worst first."""

    key: str
    keys: list[str]
    step: int
    steps: list[int]
    accuracy: float | None
    macro_f1: float | None
    rows: tuple[ClassResult, ...]


def class_results(run: Run, key: str, step: int) -> ClassResults | None:
    """The matrix of `key` (else of the first) at that step or the nearest; None without any that
    can be read."""
    found = [one for one in reading.media_of([run], KIND)[0] if one.extension == "confusion.json"]
    keys = sorted({one.key for one in found}, key=natural)
    if not keys:
        return None
    key = key if key in keys else keys[0]
    mine = [one for one in found if one.key == key]
    chosen = reading.nearest(mine, step)
    matrix = _read(run, chosen) if chosen else None
    if chosen is None or matrix is None:
        return None
    rows = _rows(matrix)
    total = sum(map(sum, matrix.counts))
    scores = [row.f1 for row in rows if row.f1 is not None]
    return ClassResults(
        key=key,
        keys=keys,
        step=chosen.step,
        steps=sorted({one.step for one in mine}),
        accuracy=_share(sum(row[i] for i, row in enumerate(matrix.counts)), total),
        macro_f1=sum(scores) / len(scores) if scores else None,
        rows=tuple(sorted(rows, key=lambda row: (row.f1 is None, row.f1, natural(row.label)))),
    )


def _read(run: Run, media: MediaFile) -> Confusion | None:
    """None for a file that only has the name of a matrix."""
    found = parsed(run, media, confusion, largest=LARGEST)
    is_sound = found is not None and all(value >= 0 for row in found.counts for value in row)
    return found if is_sound else None


def _rows(matrix: Confusion) -> list[ClassResult]:
    found = []
    for i, (label, row) in enumerate(zip(matrix.labels, matrix.counts, strict=True)):
        hits, count, called = row[i], sum(row), sum(other[i] for other in matrix.counts)
        others = [(value, j) for j, value in enumerate(row) if j != i and value > 0]
        taken, j = max(others, key=lambda one: (one[0], -one[1]), default=(0.0, -1))
        found.append(
            ClassResult(
                label=label,
                count=count,
                recall=_share(hits, count),
                precision=_share(hits, called),
                f1=_share(2 * hits, count + called),
                taken_for=matrix.labels[j] if j >= 0 else "",
                taken=taken,
            )
        )
    return found


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
