"""What the run page says about a run, gathered from the domain."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.measured import Measured, at_step
from dashboard.metric_names import direction_of_name, headline, natural
from dashboard.templatetags.formats import figures, plural
from experiments import reading
from experiments.models import Evaluation, Job, JobAttempt, ManifestFile, Run
from experiments.shapes import SeriesSummary

BLOBS = ("episode_ids", "losses", "accuracies", "illustration")
NAMES = {"test": 0, "train": 2}  # of evaluations, in the order of what they say of a run


@dataclass(frozen=True)
class Stat:
    """One number with what it is and what stands behind it."""

    title: str
    value: Measured
    under: str


@dataclass(frozen=True)
class TreeRow:
    """A line of a nested document: a branch (value None and `is_branch`) or a leaf."""

    depth: int
    key: str
    path: str
    value: Any
    is_branch: bool

    @property
    def indent_px(self) -> int:
        return 10 + 18 * self.depth


def job_of(run: Run) -> Job | None:
    """The run's job; None for runs of other clients."""
    return getattr(run, "job", None)


def attempts_of(run: Run) -> list[JobAttempt]:
    """All attempts of the run's job, first to last."""
    job = job_of(run)
    return list(job.attempts.order_by("number")) if job else []


def latest_evaluation(run: Run) -> Evaluation | None:
    """The newest test evaluation, otherwise the newest of any name, that of the training split
    last; without its big columns."""
    found = list(run.evaluations.defer(*BLOBS).order_by("-step", "-created_at")[:50])
    return min(found, key=lambda one: NAMES.get(one.name, 1), default=None)


def evaluation_stats(evaluation: Evaluation) -> list[Stat]:
    """Mean and interval before adaptation, after 1, the trained number and all inner steps."""
    metric = "accuracy" if "accuracy" in evaluation.summary else "loss"
    numbers = evaluation.summary.get(metric) or {}
    last = min(evaluation.inner_steps, len(numbers.get("mean") or []) - 1)
    trained = evaluation.protocol.get("inner_steps_trained") or 0
    steps = sorted({0, min(1, last), min(int(trained), last), last}) if last >= 0 else []
    return [
        Stat(
            title=f"{evaluation.name} {metric}, {evaluation.axis.after(step)}",
            value=at_step(numbers, step, metric),
            under=f"95 % t interval, N = {evaluation.episode_count} episodes"
            + (", as trained" if step == trained and step else ""),
        )
        for step in steps
    ]


def metric_stats(summaries: Mapping[str, SeriesSummary], main: str, direction: str) -> list[Stat]:
    """Best and last of the main metric; of the most telling one when that was not logged. Only the
    last where nothing says whether lower or higher is better."""
    key = headline(summaries, main)
    if key is None:
        return []
    summary = summaries[key]
    last = f"step {summary.last_step:,}, {plural(summary.count, 'point')}"
    stats = [Stat(f"{key}, last", Measured(figures(summary.last)), last)]
    better = direction if key == main else direction_of_name(key)
    return [_best(summary, is_max=better == "max"), *stats] if better else stats


def _best(summary: SeriesSummary, *, is_max: bool) -> Stat:
    best = summary.most if is_max else summary.least
    best = math.nan if best is None else best
    step = summary.most_step if is_max else summary.least_step
    kind = "highest" if is_max else "lowest"
    under = "no finite value" if step is None else f"{kind}, at step {step:,}"
    return Stat(f"{summary.key}, best", Measured(figures(best)), under)


def tree_rows(document: Any, *, depth: int = 0, prefix: str = "") -> list[TreeRow]:
    """A nested document as lines; lists of scalars stay on one line."""
    rows: list[TreeRow] = []
    for key, value in document.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            rows.append(TreeRow(depth, str(key), path, None, True))
            rows += tree_rows(value, depth=depth + 1, prefix=f"{path}.")
        else:
            rows.append(TreeRow(depth, str(key), path, value, False))
    return rows


def flat_params(run: Run) -> list[tuple[str, Any]]:
    """Every leaf of the params under its dotted key."""
    return [(row.path, row.value) for row in tree_rows(run.params) if not row.is_branch]


def count_files(run: Run) -> int:
    """The run's own files, and the versions of artifacts that it made and read."""
    own = ManifestFile.objects.filter(manifest_id=run.files_id).count() if run.files_id else 0
    return own + run.artifact_uses.count()


def summaries_of(run: Run) -> dict[str, SeriesSummary]:
    """The numbers of every metric of the run."""
    found = reading.series_summaries([run.pk])[run.pk]
    return {key: found[key] for key in sorted(found, key=natural)}
