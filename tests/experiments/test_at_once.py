"""Many writers at once, each on a connection of its own: nothing lost, nothing twice, no deadlock.

On PostgreSQL they do write at once; on SQLite they queue.
"""

import io
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import numpy as np
import pytest
from django.db import connections
from django.utils import timezone

from experiments import (
    artifacts,
    blobs,
    files,
    folding,
    lifecycle,
    queue,
    recording,
    retention,
    uploads,
)
from experiments.errors import Invalid, Superseded
from experiments.mlflow import registering
from experiments.models import (
    Artifact,
    ArtifactVersion,
    Blob,
    BlobUpload,
    Job,
    Manifest,
    MetricBatch,
    ModelVersion,
    Project,
    RegisteredModel,
    Role,
    Run,
    Series,
)
from experiments.reading import points
from experiments.shapes import SeriesPoints
from tests import factories
from tests.experiments.queue_jobs import claimed

THREADS = 8
BATCHES = 12
POINTS = 50

pytestmark = pytest.mark.usefixtures("file_database")


def at_once(*tasks: Callable[[], object]) -> None:
    """Runs all in threads that start together; fails with the first error of any."""
    start, errors = threading.Barrier(len(tasks)), []

    def run(task: Callable[[], object]) -> None:
        try:
            start.wait(timeout=30)
            task()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def batch(first: int, *keys: str) -> list[SeriesPoints]:
    steps = np.arange(first, first + POINTS, dtype=np.int64)
    return [SeriesPoints(key, steps, steps * 1.0, steps * 0.5) for key in keys]


def steps_of(run: Run, key: str) -> list[int]:
    """All of them, however many a busy machine let through."""
    page = points(run.pk, key, limit=10_000)
    found = [point.step for point in page.points]
    while page.next is not None:
        page = points(run.pk, key, after=page.next, limit=10_000)
        found += [point.step for point in page.points]
    return found


def assert_once(run: Run, key: str, size: int) -> None:
    """Steps 0 to size - 1, each once, also as the summary tells it."""
    assert Counter(steps_of(run, key)) == Counter(range(size))
    row = Series.objects.get(run=run, key=key)
    assert (row.count, row.last_step, row.last) == (size, size - 1, (size - 1) * 0.5)


@pytest.mark.parametrize("folds", [False, True])
def test_eight_send_the_same_batches_to_one_run(folds):
    run = factories.make_run()
    answers = []

    def send(turn: int) -> None:
        for step in range(BATCHES):
            number = (step + turn) % BATCHES  # each in an order of its own
            answers.append(
                recording.record(
                    run_id=run.pk, client="c", number=number,
                    series=batch(number * POINTS, "loss", "accuracy"),
                )
            )  # fmt: skip
            if folds and step % 4 == 3:
                folding.fold_run(run.pk)

    at_once(*(lambda turn=turn: send(turn) for turn in range(THREADS)))

    assert MetricBatch.objects.filter(run=run).count() == BATCHES
    assert Counter(answer.duplicate for answer in answers) == {
        False: BATCHES,
        True: BATCHES * (THREADS - 1),
    }
    assert_once(run, "loss", BATCHES * POINTS)
    assert_once(run, "accuracy", BATCHES * POINTS)
    folding.fold_run(run.pk)
    assert_once(run, "loss", BATCHES * POINTS)


def test_eight_send_to_eight_runs_with_repeats():
    """All see the same project, and make its series at the same time."""
    project = factories.make_project()
    runs = [factories.make_run(project, number=n + 1) for n in range(THREADS)]

    def send(run: Run) -> None:
        for number in range(BATCHES):
            for repeat in range(2):
                with lifecycle.sign_of_life(run.pk):
                    stored = recording.record(
                        run_id=run.pk, client="c", number=number,
                        series=batch(number * POINTS, f"loss/{number % 3}", "all"),
                    )  # fmt: skip
                assert stored.duplicate == bool(repeat)
        folding.fold_run(run.pk)

    at_once(*(lambda run=run: send(run) for run in runs))

    for run in runs:
        assert_once(run, "all", BATCHES * POINTS)


def test_an_attempt_that_writes_and_the_heartbeat_of_its_worker_do_not_block_each_other():
    job = claimed()
    evaluation = {
        "name": "test", "split": "test", "episode_ids": ["a"], "losses": np.ones((1, 2)),
        "inner_steps": 1, "protocol": {},
    }  # fmt: skip

    def beat() -> None:
        for _ in range(40):
            assert queue.progress(job.pk, job.attempt, step=1, total=2).owned

    def evaluate() -> None:
        for step in range(20):
            recording.record_evaluation(
                run_id=job.run_id, attempt=job.attempt, step=step, **evaluation
            )

    def send() -> None:
        for number in range(20):
            recording.record(
                run_id=job.run_id, client=f"job-{job.attempt}", number=number,
                series=batch(number * POINTS, "loss"), attempt=job.attempt,
            )  # fmt: skip

    at_once(beat, evaluate, send, beat)

    assert_once(job.run, "loss", 20 * POINTS)
    assert job.run.evaluations.count() == 20


def test_an_attempt_that_loses_its_job_meanwhile_writes_nothing_after():
    job = claimed()
    stored: list[int] = []
    has_begun = threading.Event()

    def send() -> None:
        for number in range(20_000):  # until it is told
            try:
                recording.record(
                    run_id=job.run_id, client=f"job-{job.attempt}", number=number,
                    series=batch(number * POINTS, "loss"), attempt=job.attempt,
                )  # fmt: skip
            except Superseded:
                return
            stored.append(number)
            has_begun.set()

    def take_away() -> None:
        assert has_begun.wait(30)
        assert queue.lost(job.pk, job.attempt, reason="it was frozen")

    at_once(send, take_away)

    assert Job.objects.get(pk=job.pk).status == "queued"
    assert 1 <= len(stored) < 20_000
    assert_once(job.run, "loss", len(stored) * POINTS)


def test_versions_made_at_once_have_numbers_of_their_own():
    workspace = factories.make_workspace("lab", ada=Role.MEMBER)
    project = factories.make_project(workspace)
    model = RegisteredModel.objects.create(workspace=workspace, name="m")
    for number in range(4):
        blob = blobs.put(b"%d" % number)
        BlobUpload.objects.create(workspace=workspace, blob=blob)
    shas = list(Blob.objects.order_by("sha256").values_list("sha256", flat=True))

    def log(turn: int) -> None:
        for step in range(4):
            stored = [artifacts.Stored(path="a", sha256=shas[(step + turn) % 4])]
            artifacts.log_version(project=project, user=None, name="a", kind="file", stored=stored)
        source = "s3://bucket/model"
        registering.create_version(model, Project.objects.all(), source=source, tags={})

    at_once(*(lambda turn=turn: log(turn) for turn in range(THREADS)))

    numbers = ArtifactVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4]
    registered = ModelVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(registered) == list(range(1, THREADS + 1))


def test_versions_of_an_artifact_that_is_deleted_meanwhile_are_made_anew():
    workspace = factories.make_workspace("lab")
    project = factories.make_project(workspace)
    blob = blobs.put(b"a")
    BlobUpload.objects.create(workspace=workspace, blob=blob)
    stored = [artifacts.Stored(path="a", sha256=blob.pk)]

    def log() -> None:
        for _ in range(20):
            artifacts.log_version(project=project, user=None, name="a", kind="file", stored=stored)

    def delete() -> None:
        for _ in range(40):
            if artifact := Artifact.objects.filter(project=project).first():
                retention.delete_artifact(artifact)

    at_once(log, log, delete, delete)
    log()

    assert ArtifactVersion.objects.get().artifact == Artifact.objects.get()
    assert Manifest.objects.count() == 1


def test_runs_nested_at_once_are_in_no_circle_and_below_what_is_there():
    project = factories.make_project()
    first, second, third = (factories.make_run(project, status="completed") for _ in range(3))

    def nest(run: Run, parent: Run) -> None:
        for _ in range(10):
            with suppress(Invalid):
                lifecycle.set_parent(run, parent.pk)
            lifecycle.set_parent(run, "")
        with suppress(Invalid):
            lifecycle.set_parent(run, parent.pk)

    def start() -> None:
        for _ in range(10):
            with suppress(Invalid):
                lifecycle.create_run(project=project, user=None, parent=third.pk)

    at_once(
        lambda: nest(first, second),
        lambda: nest(second, first),
        start,
        lambda: lifecycle.erase(lifecycle.trash(third)),
    )

    parents = {run.pk: run.parent_id for run in project.runs.all()}
    assert parents[first.pk] != second.pk or parents[second.pk] != first.pk
    assert third.pk not in parents.values()


def test_the_same_files_put_in_other_orders_do_not_wait_for_each_other():
    workspace = factories.make_workspace("lab")
    contents = [b"%d" % number for number in range(30)]

    def put(some: Sequence[bytes]) -> None:
        for _ in range(3):
            found = blobs.put_many(some)
            for blob in found.values():
                uploads.receive(workspace, blob.pk, io.BytesIO(blobs.read(blob.pk)))
            assert uploads.missing(workspace, list(found)) == []

    orders = (contents, contents[::-1], contents[15:] + contents[:15], contents[7:])
    at_once(*(lambda some=some: put(some) for some in orders))

    assert Blob.objects.count() == len(contents)


def test_a_blob_that_is_wanted_again_survives_its_collection():
    """Somebody refers to it while it is being collected: then it stays, or is stored anew."""
    run = factories.make_run()
    tree = files.of_run(run)
    contents = [b"%d" % number for number in range(20)]

    def collect() -> None:
        for _ in range(20):
            blobs.collect()

    def want() -> None:
        for number, content in enumerate(contents):
            files.put_blob(tree, f"file-{number}", blobs.put(content))

    blobs.put_many(contents)
    Blob.objects.update(created_at=timezone.now() - timedelta(days=30))
    at_once(collect, collect, want)

    kept = [blobs.read(files.find(tree, f"file-{n}").blob_id) for n in range(len(contents))]
    assert kept == contents
