"""Builds rows for tests: plain functions with visible defaults, nothing random, nothing hidden.

Every function takes what it builds upon, or makes the default of it. They write rows directly, so
that a test of one rule does not depend on the code of another.
"""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import zstandard
from django.utils import timezone

from experiments import blobs
from experiments.models import (
    Checkpoint,
    Evaluation,
    Job,
    JobAttempt,
    LogChunk,
    Membership,
    Param,
    ParamsHash,
    Project,
    Role,
    Run,
    RunStatus,
    RunTag,
    User,
    Worker,
    Workspace,
)
from experiments.params_hash import hash_of
from worker.metalearning import specs as engine

SHORT_SPEC = {
    "algorithm": "maml",
    "episodes": {"source": "sinusoid", "shot": 10},
    "outer": {"steps": 200},
}


def make_user(name: str = "ada", *, password: str | None = None) -> User:
    """The user of that name, made if it is not there."""
    user, created = User.objects.get_or_create(username=name)
    if created:
        if password is None:
            user.set_unusable_password()
        else:
            user.set_password(password)
        user.save(update_fields=["password"])
    return user


def make_workspace(slug: str = "lab", **members: Role) -> Workspace:
    """The workspace of that slug; `make_workspace("lab", ada=Role.ADMIN)` also adds members."""
    workspace, _ = Workspace.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    for name, role in members.items():
        make_member(workspace, make_user(name), role)
    return workspace


def make_member(workspace: Workspace, user: User, role: Role = Role.MEMBER) -> Membership:
    membership, _ = Membership.objects.update_or_create(
        workspace=workspace, user=user, defaults={"role": role}
    )
    return membership


def make_project(
    workspace: Workspace | None = None, slug: str = "sinusoid", **fields: Any
) -> Project:
    """The project of that slug in the workspace ("lab" by default)."""
    project, _ = Project.objects.get_or_create(
        workspace=workspace or make_workspace(),
        slug=slug,
        defaults={"name": slug.replace("-", " ").capitalize(), **fields},
    )
    return project


def make_run(
    project: Project | None = None,
    name: str = "",
    *,
    status: str = RunStatus.RUNNING,
    params: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    **fields: Any,
) -> Run:
    """A new run with the next number of its project, its params indexed under dotted keys."""
    project = project or make_project()
    number = Run.objects.filter(project=project).count() + 1
    now = timezone.now()
    times: dict[str, Any] = {}
    if status != RunStatus.QUEUED:
        times["started_at"] = now
    if status not in (RunStatus.QUEUED, RunStatus.RUNNING):
        times["finished_at"] = now
    params = {"lr": 0.01} if params is None else dict(params)
    run = Run.objects.create(
        **{
            "project": project,
            "name": name or f"run-{number}",
            "number": number,
            "status": status,
            "params": params,
            **times,
            **fields,
        }
    )
    rows = param_rows(run)
    Param.objects.bulk_create(rows)
    ParamsHash.objects.create(run=run, project=project, value=hash_of_rows(rows))
    RunTag.objects.bulk_create(RunTag(run=run, project=project, name=name) for name in tags)
    return run


def hash_of_rows(rows: Iterable[Param]) -> int:
    return hash_of((row.key, row.text) for row in rows)


def param_rows(run: Run) -> list[Param]:
    """Unsaved rows of the leaves of a run's params."""
    return _param_rows(run, run.params, "")


def _param_rows(run: Run, params: Mapping[str, Any], prefix: str) -> list[Param]:
    rows: list[Param] = []
    for key, value in params.items():
        if isinstance(value, dict) and value:
            rows += _param_rows(run, value, f"{prefix}{key}.")
            continue
        number = float(value) if type(value) in (int, float) else None
        text = value if isinstance(value, str) else json.dumps(value)
        rows.append(
            Param(run=run, project=run.project, key=prefix + key, text=text[:500], number=number)
        )
    return rows


def announced_trainers() -> dict[str, Any]:
    """What a worker says about the engine's real algorithms, as it comes from the database."""
    announced: dict[str, Any] = json.loads(_announced_trainers())
    return announced


@functools.cache
def _announced_trainers() -> str:
    return json.dumps(
        {
            info.name: {
                "version": "1",
                "title": info.title,
                "summary": info.summary,
                "family": info.family,
                "order": order,
                "year": info.year,
                "paper": info.paper,
                "schema": engine.schema(info.name),
                "presets": engine.presets(info.name),
            }
            for order, info in enumerate(engine.ALGORITHMS.values())
        }
    )


OMNIGLOT_MISSING = (
    "Put images_background.zip and images_evaluation.zip into data/datasets/omniglot."
)


def announced_distributions(*, omniglot: bool = True) -> list[dict[str, Any]]:
    """What a worker says about its task distributions."""
    return [
        {
            "name": "sinusoid", "title": "Sinusoid", "available": True, "missing": "",
            "hash": "5105", "samples": [],
        },
        {
            "name": "omniglot", "title": "Omniglot", "available": omniglot,
            "missing": "" if omniglot else OMNIGLOT_MISSING,
            "hash": "0319" if omniglot else "", "samples": [],
        },
    ]  # fmt: skip


def make_worker(name: str = "box/default", **fields: Any) -> Worker:
    """A worker that has just beaten and knows every algorithm of the engine."""
    now = timezone.now()
    return Worker.objects.create(
        **{
            "name": name,
            "host": "box",
            "pid": 4242,
            "queues": ["default"],
            "slots": 2,
            "devices": [{"kind": "cpu", "name": "Test CPU", "memory_bytes": 8 * 2**30}],
            "memory_bytes": 8 * 2**30,
            "trainers": announced_trainers(),
            "distributions": announced_distributions(),
            "started_at": now,
            "heartbeat_at": now,
            **fields,
        }
    )


def make_job(
    run: Run | None = None,
    *,
    status: str = "queued",
    spec: Mapping[str, Any] = SHORT_SPEC,
    **fields: Any,
) -> Job:
    """A job whose run has the same status; a running one has the attempt it is in."""
    if run is None:
        run = make_run(status=status, params=dict(spec))
    attempt = fields.pop("attempt", 0 if status == "queued" else 1)
    ended = None if status in ("queued", "running") else timezone.now()
    job = Job.objects.create(
        **{
            "run": run,
            "workspace": run.project.workspace,
            "trainer": spec["algorithm"],
            "spec": dict(spec),
            "status": status,
            "attempt": attempt,
            "finished_at": ended,
            **fields,
        }
    )
    if attempt:
        JobAttempt.objects.create(job=job, number=attempt, worker_name="box/default")
    return job


def make_evaluation(
    run: Run | None = None,
    *,
    name: str = "test",
    step: int = 200,
    episodes: int = 3,
    inner_steps: int = 2,
    accuracies: bool = False,
    **fields: Any,
) -> Evaluation:
    """An evaluation whose episode i has loss i + 1 divided by (inner step + 1)."""
    shape = (episodes, inner_steps + 1)
    losses = np.array(
        [[(i + 1) / (j + 1) for j in range(shape[1])] for i in range(shape[0])], dtype="<f8"
    ).reshape(shape)
    mean = losses.mean(axis=0).tolist()
    return Evaluation.objects.create(
        **{
            "run": run or make_run(),
            "name": name,
            "split": name,
            "step": step,
            "episode_count": episodes,
            "inner_steps": inner_steps,
            "protocol": {"shot": 10, "query": 10, "inner_steps_trained": 1, "seed": 0},
            "episode_ids": _packed(json.dumps([f"{name}-{i}" for i in range(episodes)]).encode()),
            "losses": _packed(losses.tobytes()),
            "accuracies": _packed((1 / (1 + losses)).tobytes()) if accuracies else None,
            "summary": {"loss": {"mean": mean, "half_width": [0.1] * shape[1]}},
            **fields,
        }
    )


def _packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def make_log(
    run: Run,
    text: str = "12:00:00 INFO started\n12:00:01 INFO meta-step 1\n",
    *,
    attempt: int = 1,
    number: int = 0,
) -> LogChunk:
    return LogChunk.objects.create(run=run, attempt=attempt, number=number, text=text)


def make_trained(project: Project | None = None, **fields: Any) -> Run:
    """A completed run of a job, with a checkpoint whose content nobody reads."""
    run = make_run(project, status="completed", **fields)
    spec = engine.as_dict(engine.parse({**SHORT_SPEC, "seed": run.seed or 0}))
    make_job(run, status="completed", spec=spec)
    Checkpoint.objects.create(run=run, step=200, attempt=1, blob=blobs.put(b"checkpoint"))
    return run
