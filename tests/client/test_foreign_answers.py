"""What something else answers in Metascope's place: nothing is given up for it."""

import dataclasses
import errno
import json
from pathlib import Path

import pytest
from metascope._api import Api
from metascope._cli import main
from metascope._errors import Denied, Refused, Unreachable
from metascope._settings import load
from metascope._sync import sync

from experiments import reading
from experiments.models import Run
from tests.client.test_artifacts import environment, start  # noqa: F401
from tests.client.test_login import answering

PAGE = b"<html><h1>default backend</h1></html>"
OWN = json.dumps({"error": {"code": "run_not_found", "message": "There is no such run."}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, PAGE, Unreachable), (404, PAGE, Unreachable), (405, b"", Unreachable),
        (413, PAGE, Unreachable), (410, b"{}", Unreachable), (404, OWN, Refused),
        (413, OWN, Refused), (414, PAGE, Refused), (403, PAGE, Denied), (401, OWN, Denied),
    ],
)  # fmt: skip
def test_only_metascope_itself_refuses_for_good(status, body, kind):
    with answering(status, body) as url, pytest.raises(kind):
        Api(url, "token").post("runs/x/metrics/", {})


def test_a_limit_of_what_stands_before_the_server_is_named():
    with answering(413, PAGE) as url, pytest.raises(Unreachable, match="client_max_body_size"):
        Api(url, "token").post("runs/x/metrics/", {})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("status", "body"), [(404, PAGE), (200, b"{}"), (200, b'{"ok": true}')])
def test_points_wait_while_something_else_answers(
    environment, monkeypatch, capsys, status, body  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("METASCOPE_EXIT_WAIT_S", "1")
    with start(system=False) as run:
        run.log({"loss": 1.0})
        assert run.wait()
        with answering(status, body) as url:
            monkeypatch.setattr(run._sender._delivery.api, "url", url)
            run.log({"loss": 2.0})
            run.finish()

    assert main(["sync"]) == 0

    assert [point.value for point in reading.points(Run.objects.get().pk, "loss").points] == [1, 2]
    assert "refused" not in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_sync_says_again_what_was_refused_before(environment, capsys):  # noqa: F811
    with start(system=False) as run:
        run.log_params({"ok": 1, "large": 2**70})

    for _ in range(2):
        capsys.readouterr()
        assert main(["sync"]) == 1
        said = capsys.readouterr()
        assert "Nothing is waiting." in said.out
        assert "refused: large: " in said.out
        assert "the server refused a part of" in said.err


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_keeps_no_spool_from_another_address(environment, monkeypatch, live_server):  # noqa: F811
    monkeypatch.setenv("METASCOPE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("METASCOPE_EXIT_WAIT_S", "0.1")
    with start(system=False) as run:
        run.log({"loss": 1.0})
    write = Path.write_text

    def full(path: Path, *rest, **more):
        if path.name.endswith("about.json.tmp"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *rest, **more)

    monkeypatch.setattr(Path, "write_text", full)
    (synced,) = sync(dataclasses.replace(load(), url=live_server.url), print, is_moved=True)

    assert synced.is_drained
    assert reading.points(Run.objects.get().pk, "loss").points[0].value == 1.0
