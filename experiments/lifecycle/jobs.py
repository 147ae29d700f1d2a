"""Submitting jobs: one run and one job per seed, all or none."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from experiments import announcements
from experiments.errors import Invalid
from experiments.lifecycle.runs import LONGEST_NOTES, create_run
from experiments.lifecycle.tags import clean_tags
from experiments.models import Job, Project, RunStatus, User
from experiments.problems import Problems
from experiments.queue import ring
from experiments.queue.control import HIGHEST_PRIORITY, LOWEST_PRIORITY

MOST_SEEDS = 100
LARGEST_SEED = 2**31 - 1
MOST_ATTEMPTS = 10
_QUEUE = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,63})")


def submit_job(
    *,
    project: Project,
    user: User | None,
    spec: Mapping[str, Any],
    seeds: Sequence[int] = (),
    name: str = "",
    queue: str = "default",
    priority: int = 0,
    tags: Sequence[str] = (),
    notes: str = "",
    max_attempts: int = 3,
) -> list[Job]:
    """Queues one run per seed (the spec's own seed if none is given) and rings the workers.

    Raises Invalid with every field that is wrong: `spec.*`, `seeds[i]`, `queue`, ...; nothing is
    written then. A worker need not be running, but one must have announced the algorithm.
    """
    problems = Problems()
    checked = _spec(spec, problems)
    chosen = _seeds(seeds, checked, problems)
    title = problems.text("name", name, most=180)
    clean_tags(tags, problems)
    problems.text("notes", notes, most=LONGEST_NOTES, lines=True)
    _options(queue, priority, max_attempts, problems)
    problems.check()
    title = title or _title(checked)
    several = len(chosen) > 1
    with transaction.atomic():
        return [
            _submit_one(
                project,
                user,
                {**checked, "seed": seed} if "seed" in checked else checked,
                name=f"{title}-s{seed}" if several else title,
                group=title if several else "",
                tags=tags,
                notes=notes,
                queue=queue,
                priority=priority,
                max_attempts=max_attempts,
            )
            for seed in chosen
        ]


def _submit_one(
    project: Project,
    user: User | None,
    spec: dict[str, Any],
    *,
    name: str,
    group: str,
    tags: Sequence[str],
    notes: str,
    queue: str,
    priority: int,
    max_attempts: int,
) -> Job:
    run = create_run(
        project=project,
        user=user,
        name=name,
        params=spec,
        tags=tags,
        notes=notes,
        group=group,
        seed=spec.get("seed"),
        status=RunStatus.QUEUED,
    )
    job = Job.objects.create(
        run=run,
        workspace_id=project.workspace_id,
        queue=queue,
        priority=priority,
        trainer=spec["algorithm"],
        spec=spec,
        max_attempts=max_attempts,
        submitted_by=user,
    )
    ring(job)
    return job


def _spec(spec: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    try:
        return announcements.check_spec(spec)
    except Invalid as error:
        problems.take(error)
        return {}


def _seeds(seeds: Sequence[int], spec: Mapping[str, Any], problems: Problems) -> list[int]:
    if len(seeds) > MOST_SEEDS:
        problems.add("seeds", f"Holds {len(seeds)} seeds; the limit is {MOST_SEEDS} a submission.")
        return []
    for index, seed in enumerate(seeds):
        if not 0 <= seed <= LARGEST_SEED:
            problems.add(f"seeds[{index}]", f"{seed} is not from 0 to {LARGEST_SEED}.")
        elif seed in seeds[:index]:
            problems.add(f"seeds[{index}]", f"{seed} is given twice.")
    return list(seeds) or [spec.get("seed", 0)]


def _options(queue: str, priority: int, max_attempts: int, problems: Problems) -> None:
    if not _QUEUE.fullmatch(queue):
        problems.add("queue", "Use up to 64 lower-case letters, digits, '.', '-' and '_'.")
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        problems.add("priority", f"{priority} is not from {LOWEST_PRIORITY} to {HIGHEST_PRIORITY}.")
    if not 1 <= max_attempts <= MOST_ATTEMPTS:
        problems.add("max_attempts", f"{max_attempts} is not from 1 to {MOST_ATTEMPTS}.")


def _title(spec: Mapping[str, Any]) -> str:
    """What a run is called when nobody named it: "maml-sinusoid"."""
    episodes = spec.get("episodes")
    source = episodes.get("source", "") if isinstance(episodes, Mapping) else ""
    return f"{spec['algorithm']}-{source}".strip("-")
