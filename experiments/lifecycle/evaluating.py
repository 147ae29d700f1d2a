"""Trying a finished run's last checkpoint once more, under a protocol asked for: a job of its own.

The job's run is a child of the evaluated one; what it finds is recorded as a further evaluation of
that run, under the name of the first with a mark of its protocol: "test@1f0c3b9a". Its spec is that
of training with the evaluation asked for, and `evaluates`, which tells workers not to train.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from experiments import announcements
from experiments.errors import Conflict, Invalid
from experiments.lifecycle.runs import create_run
from experiments.models import Checkpoint, Evaluation, Job, Run, RunStatus, User
from experiments.models.jobs import JobStatus
from experiments.queue import ring

EVALUATES = "evaluates"  # of a job's spec: {"run", "name"}
TEST = "test"
SELECTIONS = {"last": "last", "best validation": "best_validation"}


def submit_evaluation(
    run: Run,
    *,
    user: User | None,
    like: Evaluation | None = None,
    changes: Mapping[str, Any] | None = None,
    queue: str = "default",
) -> Job:
    """Queues the evaluation of a completed run's last checkpoint and rings the workers.

    `like`: on the episodes and for the inner steps of that evaluation. `changes` are fields of
    the spec's `evaluation`. Raises Conflict for a run that cannot be evaluated or was in this
    way, Invalid for fields that are wrong.
    """
    name, spec = planned(run, like=like, changes=changes)
    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
        if Evaluation.objects.filter(run=run, name=name).exists():
            raise Conflict(
                f"{run.name} was evaluated so already: {name}.", code="evaluated_already"
            )
        if name in pending(run):
            raise Conflict(f"{run.name} is being evaluated so: {name}.", code="evaluated_already")
        child = create_run(
            project=run.project,
            user=user,
            name=f"{run.name[:170]} {name}",
            params=spec,
            seed=run.seed,
            status=RunStatus.QUEUED,
            parent=run.pk,
        )
        job = Job.objects.create(
            run=child,
            workspace_id=run.project.workspace_id,
            queue=queue,
            trainer=spec["algorithm"],
            spec={**spec, EVALUATES: {"run": run.pk, "name": name}},
            submitted_by=user,
        )
        ring(job)
    return job


def planned(
    run: Run, *, like: Evaluation | None = None, changes: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """What `submit_evaluation` would record under which name, and its spec. Raises as it does,
    but for what was evaluated so already."""
    spec = _spec(run, like, changes or {})
    return f"{TEST}@{_mark(spec)}", spec


def pending(run: Run) -> dict[str, Job]:
    """The jobs, queued or running, that evaluate a run, by the name they record under."""
    active = (JobStatus.QUEUED, JobStatus.RUNNING)
    jobs = Job.objects.filter(run__parent=run, status__in=active)
    return {job.spec[EVALUATES]["name"]: job for job in jobs if EVALUATES in job.spec}


def why_not_evaluated(run: Run) -> str:
    """Why no worker can evaluate this run again; "" where one can."""
    job = Job.objects.filter(run=run).first()
    if job is None or EVALUATES in job.spec:
        return "it was not trained by a worker, which would have kept a checkpoint"
    if run.status != RunStatus.COMPLETED:
        return f"it is {run.status}, not completed"
    if not Checkpoint.objects.filter(run=run).exists():
        return "it has no checkpoint any more"
    return ""


def _spec(run: Run, like: Evaluation | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    if reason := why_not_evaluated(run):
        raise Conflict(f"{run.name} cannot be evaluated: {reason}.", code="not_evaluable")
    own: dict[str, Any] = Job.objects.get(run=run).spec
    asked = {**own, "evaluation": {**own.get("evaluation", {}), **changes}}
    if like is not None:
        asked = _like(asked, like, changes)
    return announcements.check_spec(asked)


def _like(own: dict[str, Any], like: Evaluation, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with the episodes, their number and the inner steps of another evaluation."""
    found = like.protocol
    source = own.get("episodes", {}).get("source")
    if found.get("source") != source:
        message = f"It was tried on {found.get('source') or 'unknown'} episodes, this run knows "
        message += f"{source} episodes alone."
        raise Invalid(message, code="other_source", fields={"like": [message]})
    job = Job.objects.filter(run=like.run_id).first()
    episodes = job.spec["episodes"] if job and "episodes" in job.spec else own["episodes"]
    episodes = {**own["episodes"], **episodes}
    for field in ("way", "shot"):
        if isinstance(found.get(field), int) and field in episodes:
            episodes[field] = found[field]
    if episodes.get("way") != own["episodes"].get("way"):
        message = f"It has {episodes['way']} classes, this run's network {own['episodes']['way']}."
        raise Invalid(message, code="other_way", fields={"like": [message]})
    evaluation = {
        **own["evaluation"],
        "episodes": like.episode_count,
        "seed": found.get("seed", own["evaluation"].get("seed", 0)),
        "selection": SELECTIONS.get(str(found.get("selection")), "last"),
        **changes,
    }
    if "query" in own["evaluation"]:  # bandits have none
        evaluation = {"query": found.get("query") or 0, **evaluation}
    if "steps" in own["evaluation"]:  # metric learners make none
        evaluation = {**evaluation, "steps": changes.get("steps", like.inner_steps)}
    return {**own, "episodes": episodes, "evaluation": evaluation}


def _mark(spec: Mapping[str, Any]) -> str:
    """Eight letters that the same episodes, number, steps and tested parameters always give."""
    tried = ("episodes", "steps", "seed", "query", "selection")
    asked = {field: spec["evaluation"].get(field) for field in tried}
    text = json.dumps([spec["episodes"], asked], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
