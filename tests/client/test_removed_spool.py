"""A spool that somebody removes while its run goes on (a cleaner of temporary files, a person)."""

import shutil
import time

import pytest
from metascope._delivery import Delivery
from metascope._settings import load
from metascope._spool import Lock, SegmentFull, SpoolInUse
from metascope._sync import sync

from experiments import reading
from experiments.models import Run, RunStatus
from tests.client.server import Server
from tests.client.test_artifacts import environment, start  # noqa: F401
from tests.client.test_delivery import deliver, expected, make_run  # noqa: F401
from tests.client.test_spool import append, numbers, spool_in, write

STEPS = 3_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_what_was_logged_before_and_after_arrives(environment, monkeypatch, mode):  # noqa: F811
    monkeypatch.setenv("METASCOPE_MODE", mode)
    spool = environment / "spool"
    run = start(system=False)
    for step in range(STEPS):
        if step == STEPS // 2:
            shutil.rmtree(spool)
        run.log({"x": float(step)}, step=step)
        time.sleep(0.0005)  # spans several rounds of the sender
    done = run.finish()
    monkeypatch.setenv("METASCOPE_MODE", "online")
    sync(load(), print)

    assert (done, run.lost) == (mode == "online", 0)
    found = Run.objects.get()
    page = reading.points(found.pk, "x", limit=10_000)
    assert [point.value for point in page.points] == list(range(STEPS))
    assert found.status == RunStatus.COMPLETED


def test_a_spool_without_name_goes_on_in_a_folder_made_again(tmp_path):
    spool = spool_in(tmp_path)
    write(spool, 1, 2)
    shutil.rmtree(spool.folder)
    write(spool, 3)

    spool.look_for_room()
    with pytest.raises(SegmentFull):
        write(spool, 4)
    append(spool, 4)
    with pytest.raises(SpoolInUse):
        Lock(spool.folder)
    spool.look_for_room()

    assert numbers(tmp_path) == [1, 2, 3, 4]
    assert [one.name for one in sorted(spool.folder.glob("*.seg"))] == [
        "00000001.seg",
        "00000002.seg",
    ]
    spool.close()
    Lock(spool.folder).release()


def test_records_that_have_no_file_are_not_passed_over(make_run):  # noqa: F811
    run, spool = make_run()
    server = Server()
    run.log({"a": 0.0, "b": 0.0}, step=0)
    shutil.rmtree(spool.folder)
    delivery = deliver(spool, server)

    assert not delivery.is_at(spool.written)
    spool.mend()
    deliver(spool, server)

    assert server.points == expected(1)


def test_segments_that_are_gone_before_they_were_sent_are_told(make_run):  # noqa: F811
    run, spool = make_run(segment_bytes=4_000)
    for step in range(200):
        run.log({"a": step * 0.5, "b": -step}, step=step)
    server = Server()
    delivery = Delivery(spool.folder, "c", server)  # type: ignore[arg-type]
    assert delivery.step(spool.written)  # its start
    (spool.folder / "00000001.seg").unlink()

    while delivery.step(spool.written):
        pass

    assert 0 < len(server.points) < 400
    assert delivery.state.refused == 1
    assert "removed before they were sent" in delivery.refusals[0]
