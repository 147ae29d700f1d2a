"""Whatever is killed, away, full or strange on the way: each point once, with the value sent; the
script is never stopped, held up, or given another exit code."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from experiments import lifecycle
from experiments.models import Run, RunStatus
from tests.faults.stack import wait_until
from tests.faults.web import Script, Web, fill, small_disk, unmount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MOST_BLOCKED_S = 1.0
SCRIPT = """
import json, sys, time
import metascope

took = [0.0]
def log(run, values, step):
    began = time.perf_counter()
    run.log(values, step=step)
    took.append(time.perf_counter() - began)

def said(run):
    print(json.dumps({{"blocked_s": max(took), "lost": run.lost}}), flush=True)

run = metascope.start("faults", name=sys.argv[1] if sys.argv[1:] else "", console=False, code=False)
{body}
said(run)
"""


def script(body: str) -> str:
    return SCRIPT.format(body=body)


def assert_unharmed(end: dict, exit_code: int = 0) -> None:
    assert end["exit_code"] == exit_code, end["errors"]
    assert end["lost"] == 0, end["errors"]
    assert end["blocked_s"] < MOST_BLOCKED_S
    assert "Traceback" not in end["errors"]


def only_run(web: Web) -> dict:
    (run,) = web.api.get("runs/")["results"]
    return run


MANY = script("""
for step in range(6_000):
    log(run, {"a": step * 0.5, "b": -step}, step)
    if step % 100 == 0:
        time.sleep(0.02)
""")


@pytest.mark.on_postgresql
def test_a_server_killed_again_and_again_during_ingest_has_every_point_once(web, tmp_path):
    """Its processes die right after a commit, before the answer; then all of them at once."""
    web.start(LOSSY="3")
    scripts = [Script(tmp_path / f"{number}", web, MANY) for number in range(3)]
    wait_until(lambda: Run.objects.count() == 3, "all clients have begun")

    web.kill()
    web.start(LOSSY="3")
    ends = [one.end() for one in scripts]

    for end in ends:
        assert_unharmed(end)
        assert "metascope sync" not in end["errors"]
    for run in Run.objects.all():
        assert run.status == RunStatus.COMPLETED
        assert web.points(run.pk, "a") == [(step, step * 0.5) for step in range(6_000)]
        assert web.points(run.pk, "b") == [(step, float(-step)) for step in range(6_000)]


AWAY = script("""
for step in range(1_000):
    log(run, {"a": step}, step)
print("half", flush=True)
sys.stdin.readline()
for step in range(1_000, 2_000):
    log(run, {"a": step}, step)
said(run)
sys.exit(3)
""")


def test_a_server_away_for_long_in_the_middle_changes_nothing(web, tmp_path):
    web.start()
    training = Script(tmp_path / "script", web, AWAY)
    training.wait_for("half")
    wait_until(lambda: Run.objects.filter(series__count=1_000).exists(), "half has arrived")
    web.kill()

    # Nothing was heard for an hour: the run has crashed, as far as anybody knows.
    Run.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    lifecycle.sweep_silent_runs()
    assert Run.objects.get().status == RunStatus.CRASHED
    web.start()
    end = training.end("go on\n")

    assert_unharmed(end, exit_code=3)
    run = Run.objects.get()
    assert (run.status, run.status_reason, run.exit_code) == ("failed", "Exit code 3.", 3)
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(2_000)]


def test_a_server_away_from_start_to_end_is_told_later(web, tmp_path):
    training = Script(tmp_path / "script", web, AWAY, METASCOPE_EXIT_WAIT_S="1")

    end = training.end("go on\n")

    assert_unharmed(end, exit_code=3)
    assert "metascope sync" in end["errors"]
    web.start()
    for _ in range(2):
        training.sync()
    run = Run.objects.get()
    assert (run.status, run.exit_code) == ("failed", 3)
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(2_000)]


JUMPING = script("""
real = time.time
for step, hours in enumerate([0, 1, -1, 24 * 365, -24 * 365, 24 * 3650, 0]):
    time.time = lambda: real() + 3600 * hours
    for inner in range(100):
        log(run, {"a": step * 100 + inner}, step * 100 + inner)
    time.sleep(0.1)
time.time = lambda: 0.0
log(run, {"a": 700}, 700)
""")


def test_a_clock_that_jumps_changes_no_point(web, tmp_path):
    web.start()

    end = Script(tmp_path / "script", web, JUMPING).end()

    assert_unharmed(end)
    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(701)]
    assert web.api.get(f"runs/{run.pk}/series/?keys=a")["results"]


STRANGE = script("""
nan, inf = float("nan"), float("inf")
for step in (5, 2**63 - 1, -(2**63), 3, 2**62, 0):
    log(run, {"a": float(step % 1000), "b": {5: nan, 3: inf, 0: -inf}.get(step, 1.0)}, step)
log(run, {"a": 1.0}, 2**63 - 2)
""")


@pytest.mark.on_postgresql
def test_extreme_steps_out_of_order_and_values_that_are_no_numbers_arrive(web, tmp_path):
    web.start()

    end = Script(tmp_path / "script", web, STRANGE).end()

    assert_unharmed(end)
    run = Run.objects.get()
    steps = [-(2**63), 0, 3, 5, 2**62, 2**63 - 2, 2**63 - 1]
    assert [step for step, _ in web.points(run.pk, "a")] == steps
    assert [value for _, value in web.points(run.pk, "b")] == [1.0, "-inf", "inf", "nan", 1.0, 1.0]


RANKS = """
import json, os, time
import torch, metascope
from torch.nn.parallel import DistributedDataParallel

rank = int(os.environ["RANK"])
run = metascope.start("faults", shared="job-7", rank=rank, console=False, code=False, system=False)
torch.distributed.init_process_group("gloo")
network = DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
blocked = 0.0
for step in range(200):
    loss = network(torch.full((8, 4), float(rank + 1))).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    began = time.perf_counter()
    run.log({f"rank{rank}/step": step, "shared": 10 * step + rank}, step=2 * step + rank)
    blocked = max(blocked, time.perf_counter() - began)
torch.distributed.destroy_process_group()
assert run.lost == 0 and blocked < 1, (run.lost, blocked)
"""


def test_every_rank_of_a_distributed_training_logs_to_one_run(web, tmp_path):
    web.start()
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")

    end = Script(
        tmp_path / "script", web, RANKS, *launcher, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo"
    ).end()

    assert end["exit_code"] == 0, end["errors"]
    run = Run.objects.get()
    assert (run.status, run.origin) == (RunStatus.COMPLETED, "job-7")
    for rank in (0, 1):
        mine = [(2 * step + rank, float(step)) for step in range(200)]
        assert web.points(run.pk, f"rank{rank}/step") == mine
    both = [(2 * step + rank, 10.0 * step + rank) for step in range(200) for rank in (0, 1)]
    assert web.points(run.pk, "shared") == both


FULL = script("""
for step in range(500):
    log(run, {"a": step, "b": -step}, step)
print("half", flush=True)
sys.stdin.readline()
for step in range(500, 5_000):
    log(run, {"a": step, "b": -step}, step)
print("full", flush=True)
sys.stdin.readline()
for step in range(5_000, 6_000):
    log(run, {"a": step, "b": -step}, step)
""")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = small_disk(tmp_path / "disk", "12m")
    yield folder
    unmount(folder)


def test_a_full_disk_of_the_client_holds_its_points_until_there_is_room(web, tmp_path, disk):
    web.start()
    variables = {"METASCOPE_SPOOL": str(disk / "spool")}
    training = Script(tmp_path / "script", web, FULL, **variables)
    training.wait_for("half")
    fill(disk / "filler")
    training.say("go on")
    training.wait_for("full")
    (disk / "filler").unlink()

    end = training.end("go on\n")

    assert_unharmed(end)
    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(6_000)]


def full_script(tmp_path: Path, web: Web, disk: Path, text: str, **variables: str) -> Script:
    """Whose disk is full since half of it has arrived."""
    variables = {"METASCOPE_SPOOL": str(disk / "spool"), **variables}
    training = Script(tmp_path / "script", web, text, **variables)
    training.wait_for("half")
    wait_until(lambda: Run.objects.filter(series__count=500).exists(), "half has arrived")
    fill(disk / "filler")
    return training


NO_OVERFLOW = """
from metascope._settings import Settings
Settings.standby = []
"""


@pytest.mark.parametrize("before", ["", NO_OVERFLOW], ids=["overflow", "memory"])
def test_a_full_disk_of_the_client_that_stays_full_keeps_nothing_from_a_server(
    web, tmp_path, disk, before
):
    web.start()
    training = full_script(tmp_path, web, disk, before + FULL + "sys.exit(7)\n")
    began = time.monotonic()

    end = training.end("go on\ngo on\n")

    assert_unharmed(end, exit_code=7)
    assert time.monotonic() - began < 30  # half of what it would wait for a server
    run = Run.objects.get()
    assert (run.status, run.exit_code) == ("failed", 7)
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(6_000)]
    assert not list(disk.glob("spool/*/*.seg"))


def test_a_client_killed_beside_a_full_disk_is_synced_while_that_is_full(web, tmp_path, disk):
    web.start()
    training = full_script(tmp_path, web, disk, FULL)
    web.kill()
    training.say("go on")
    training.wait_for("full")
    training.process.kill()
    assert training.end()["exit_code"] == -9
    web.start()

    told = training.sync()

    assert ": sent" in told
    run = Run.objects.get()
    assert web.points(run.pk, "a") == [(step, float(step)) for step in range(5_000)]


ALONE = script("""
for step in range(40_000):
    log(run, {"a": step, "b": -step}, step)
""")


def test_a_disk_that_the_spool_fills_by_itself_keeps_nothing_from_a_server(web, tmp_path):
    disk = small_disk(tmp_path / "disk", "512k")
    try:
        web.start()
        variables = {"METASCOPE_SPOOL": str(disk / "spool")}
        end = Script(tmp_path / "script", web, ALONE, **variables).end()
    finally:
        unmount(disk)

    assert_unharmed(end)
    run = Run.objects.get()
    assert run.status == RunStatus.COMPLETED
    assert {one.count for one in run.series.filter(key__in="ab")} == {40_000}
    assert {(one.least, one.most) for one in run.series.filter(key="a")} == {(0.0, 39_999.0)}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the database is not on that disk")
def test_a_full_disk_of_the_server_delays_what_arrives_and_loses_nothing(
    tmp_path, disk, file_database, token
):
    (disk / "data").mkdir()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(disk / "data" / "metascope.sqlite3")])
    web = Web(disk / "data", token)
    try:
        web.start()
        training = Script(tmp_path / "script", web, FULL, METASCOPE_EXIT_WAIT_S="2")
        training.wait_for("half")
        wait_until(lambda: web.api.get("runs/")["results"], "the run is made")
        fill(disk / "filler")

        end = training.end("go on\ngo on\n")

        assert_unharmed(end)
        assert "disk is full" in end["errors"]
        (disk / "filler").unlink()
        training.sync()
        run = only_run(web)
        assert run["status"] == "completed"
        for key, sign in (("a", 1), ("b", -1)):
            expected = [(step, sign * float(step)) for step in range(6_000)]
            assert web.points(run["id"], key) == expected
    finally:
        web.kill()
