"""Going on with a run, and several processes of one run."""

import json
import subprocess
import sys

import metascope
import pytest
from metascope._api import Api
from metascope._channel import open_channel
from metascope._cli import main
from metascope._settings import load
from metascope._sync import sync

from experiments import alerts, blobs, files, lifecycle, reading, snapshots
from experiments.errors import Conflict
from experiments.models import Run, RunStatus
from tests import factories
from tests.client.test_artifacts import environment, start  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def steps(run: Run, key: str = "loss") -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in reading.points(run.pk, key).points]


def train(values: dict[int, float], **options) -> Run:
    with start(system=False, **options) as run:
        for step, value in values.items():
            run.log({"loss": value}, step=step)
    return Run.objects.latest("number")


def test_a_run_goes_on_where_it_ended(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0})

    train({2: 1.0}, resume=first.pk)

    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert steps(run) == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_a_run_that_goes_on_from_a_step_loses_later_points_visibly(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0, 2: 9.0, 3: 9.0})

    train({2: 1.0}, resume=first.pk, after_step=1)

    run = Run.objects.get()
    assert steps(run) == [(0, 3.0), (1, 2.0), (2, 1.0)]
    said = [line.text for line in reading.log_lines(run.pk).lines]
    assert any("Resumed after step 1; 2 later points were dropped." in text for text in said)


def test_steps_count_on_behind_those_of_the_server(environment):  # noqa: F811
    with start() as run:
        for value in (3.0, 2.0):
            run.log({"loss": value})
    first = Run.objects.get()

    for options, value in (({}, 1.0), ({"after_step": 1}, 0.5)):
        with start(system=False, resume=first.pk, **options) as run:
            run.log({"loss": value})
            run.log({"loss": value})

    assert steps(first) == [(0, 3.0), (1, 2.0), (2, 0.5), (3, 0.5)]


def test_what_a_script_says_of_a_resumed_run_is_kept(environment, capsys):  # noqa: F811
    with metascope.start("sinusoid", name="a", params={"lr": 1}, tags=["x"], system=False) as run:
        run.log({"loss": 1.0})
    first = Run.objects.get()
    options = {"name": "b", "params": {"width": 2}, "tags": ["y"], "group": "g", "seed": 3}

    metascope.start("other", resume=first.pk, notes="again", system=False, **options).finish()

    run = Run.objects.get()
    assert (run.name, run.group, run.notes) == ("b", "g", "again")
    assert run.params == {"lr": 1, "width": 2}
    assert [tag.name for tag in run.tag_rows.all()] == ["y"]
    said = capsys.readouterr().err
    assert "seed is left out" in said
    assert "where it stays: 'other' is left out" in said


def test_what_the_machine_did_is_not_taken_back(environment):  # noqa: F811
    with start() as run:
        run.log({"loss": 1.0}, step=0)
    found = Run.objects.get()

    lifecycle.resume_client_run(found, after_step=-1)

    assert reading.series_keys([found.pk])[found.pk]
    assert all(key.startswith("system/") for key in reading.series_keys([found.pk])[found.pk])


def test_a_job_and_the_trash_do_not_go_on(environment):  # noqa: F811
    job = factories.make_job(status="completed")
    trashed = lifecycle.trash(factories.make_run(status="completed"))

    for run, said in ((job.run, "worker executes"), (trashed, "in the trash")):
        with pytest.raises(Conflict, match=said):
            lifecycle.resume_client_run(run)


def test_ranks_share_a_run_that_rank_0_ends(environment):  # noqa: F811
    with start(system=False, shared="job-7") as first:
        with start(shared="job-7", rank=1) as second:
            second.log({"rank1/loss": 2.0}, step=0)
        first.log({"loss": 1.0}, step=0)
        assert second.id
        assert Run.objects.get().status == RunStatus.RUNNING

    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert steps(run) == [(0, 1.0)]
    assert steps(run, "rank1/loss") == [(0, 2.0)]


def test_resume_and_shared_exclude_each_other(environment):  # noqa: F811
    with pytest.raises(ValueError, match="not both"):
        start(resume="x", shared="y")


def test_what_a_rewind_dropped_stays_known_after_the_run_has_ended(environment):  # noqa: F811
    first = train({0: 3.0, 1: 2.0, 2: 9.0, 3: 9.0})

    train({2: 1.0}, resume=first.pk, after_step=1)
    train({3: 0.5}, resume=first.pk, after_step=2)

    rewind = first.rewinds.get()  # the second one found nothing to drop
    assert (rewind.after_step, rewind.points, rewind.attempt) == (1, 2, None)


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_param_keeps_its_first_value_and_new_ones_beside_it_are_added(
    environment, monkeypatch, capsys, mode  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("METASCOPE_MODE", mode)
    with start(params={"a": 1, "net": {"width": 8}}) as run:
        run.log_params({"b": 2, "a": 9, "net": {"width": 9, "depth": 3}})
        run.log_params({"c": 3})
        run.log_params({"a": 7})
    monkeypatch.setenv("METASCOPE_MODE", "online")
    sync(load(), print)

    found = Run.objects.get()
    assert found.params == {"a": 1, "b": 2, "c": 3, "net": {"width": 8, "depth": 3}}
    told = capsys.readouterr()
    reasons = "".join(path.read_text() for path in environment.glob("spool/*/refused.jsonl"))
    assert "a, net.width: A param cannot change" in reasons
    if mode == "online":
        assert "the server refused params: a, net.width: A param cannot change" in told.err
    [kept] = environment.glob("spool/*/refused-1.bin")
    assert b'{"a": 9, "net": {"width": 9}}' in kept.read_bytes()


def test_params_of_a_resumed_run_are_added_beside_one_that_is_refused(environment):  # noqa: F811
    with start(params={"a": 1}):
        pass

    with start(resume=Run.objects.get().pk) as run:
        run.log_params({"a": 2, "b": 3, "long": "x" * 100_000})

    assert Run.objects.get().params == {"a": 1, "b": 3}


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_run_that_the_server_does_not_have_is_refused_and_kept(
    environment, monkeypatch, capsys, mode  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("METASCOPE_MODE", mode)
    (environment / "data.txt").write_text("data")
    with start(system=False, resume="nosuchrun0000000") as run:
        for step in range(3):
            run.log({"loss": 1.0}, step=step)
        run.log_text("note", "kept")
        run.log_artifact(environment / "data.txt", "data")
        attach = {"type": "attach", "content": {"parent": str(run._started_in)}}
        forked = open_channel(load(), attach)
    forked.close(1.0)
    monkeypatch.setenv("METASCOPE_MODE", "online")

    if mode == "offline":
        assert main(["sync"]) == 1
        assert "there is no run nosuchrun0000000 to go on with" in capsys.readouterr().out
    else:
        said = capsys.readouterr().err
        assert said.count("there is no run nosuchrun0000000 to go on with") == 1
        assert "what it logs is kept and sent later" not in said
    assert not Run.objects.exists()
    main(["sync"])  # the forked one's, too
    capsys.readouterr()
    assert main(["sync"]) == 1
    assert capsys.readouterr().out.startswith("Nothing is waiting.\n")

    with start(system=False):
        pass
    made = factories.make_run(Run.objects.get().project, id="nosuchrun0000000")
    assert main(["sync", "--retry-refused"]) == 0
    assert steps(made) == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert made.artifact_uses.count() == 1


CODE = """
import sys, metascope
with metascope.start("sinusoid", console=False, system=False, resume=sys.argv[1]) as run:
    run.log({"loss": 1.0})
"""


def test_a_run_that_goes_on_with_other_code_shows_both(environment, tmp_path):  # noqa: F811
    first = train({0: 3.0})
    for extra in ("", "# changed"):
        script = tmp_path / "code" / "train.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(CODE + extra)
        done = subprocess.run(
            [sys.executable, str(script), first.pk], capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert (done.returncode, "refused" in done.stderr) == (0, False), done.stderr

    run = Run.objects.get()
    assert snapshots.load(run.snapshot)["train.py"].decode() == CODE
    [kept] = [one for one in files.of_run(run).files.all() if one.path.startswith("code/")]
    content = json.loads(blobs.read(kept.blob_id))
    assert content["files"]["train.py"] == CODE + "# changed"
    [alert] = alerts.of_run(run)
    assert (alert.title, alert.level) == ("Resumed with other code", "info")
    assert kept.path in alert.text


def test_processes_that_make_their_project_at_once_both_have_it(environment, monkeypatch, capsys):  # noqa: F811
    post = Api.post

    def late(self, path, body, *, key=None):
        if path == "projects/":  # the other one was there in between
            post(self, path, body)
        return post(self, path, body, key=key)

    monkeypatch.setattr(Api, "post", late)
    train({0: 1.0})

    assert Run.objects.get().project.slug == "sinusoid"
    assert "already" not in capsys.readouterr().err
