"""Console lines of clients: stored like those of jobs, once, in order, or refused by name."""

import re
from datetime import UTC, datetime

import pytest

from experiments import lifecycle, reading, recording
from experiments.errors import Conflict, Invalid, NotFound
from experiments.models import LogChunk, Run
from experiments.recording import ClientLog
from experiments.recording.client_console import LINE_CHARACTERS, LINES_PER_BATCH
from tests.factories import make_job, make_run

pytestmark = pytest.mark.django_db


def send(run: Run, lines: list[str], number: int = 0, client: str = "box"):
    return lifecycle.log_client_run(run, ClientLog(client, number, lines))


def texts(run: Run) -> list[str]:
    return [line.text for line in reading.log_lines(run.pk).lines]


def test_lines_get_a_time_and_a_level_unless_they_have_them():
    run = make_run()

    answer = send(run, ["reading data", "12:00:00 WARNING 3 files are missing", ""])

    first, second, third = texts(run)
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO reading data", first)
    assert second == "12:00:00 WARNING 3 files are missing"
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO ", third)
    assert (answer.lines, answer.duplicate) == (3, False)


def test_lines_that_were_out_of_reach_have_the_time_they_were_printed_at():
    run = make_run()
    printed = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    for _ in range(2):  # again, after an answer that was lost
        lifecycle.log_client_run(run, ClientLog("box", 0, ["early"], (), printed.timestamp()))

    assert texts(run) == ["03:04:05 INFO early"]


@pytest.mark.parametrize("printed", [datetime(2100, 1, 1, 3, 4, 5), datetime(1970, 1, 1, 3, 4, 5)])
def test_a_clock_that_cannot_be_right_is_not_believed(printed):
    run = make_run()

    claimed = printed.replace(tzinfo=UTC).timestamp()
    lifecycle.log_client_run(run, ClientLog("box", 0, ["a"], (), claimed))

    stored = LogChunk.objects.get(run=run)
    assert texts(run) == [f"{stored.created_at:%H:%M:%S} INFO a"]


def test_lines_of_standard_error_are_told_from_others_and_keep_their_text():
    run = make_run()
    lines = ["out", "err", "12:00:00 WARNING err", "12:00:00 STDERR INFO out"]

    for _ in range(2):
        lifecycle.log_client_run(run, ClientLog("box", 0, lines, [1, 2]))

    found = reading.log_lines(run.pk).lines
    assert [line.stream for line in found] == ["stdout", "stderr", "stderr", "stdout"]
    assert found[1].text.endswith(" INFO err")
    assert found[2].text == "12:00:00 WARNING err"
    assert found[3].text.endswith(" INFO 12:00:00 STDERR INFO out")


@pytest.mark.parametrize("stderr", [[2], [-1], ["0"], [True], 7, "0"])
def test_places_of_standard_error_that_no_line_has_are_refused(stderr):
    body = {"client": "box", "number": 0, "lines": ["a", "b"], "stderr": stderr}

    with pytest.raises(Invalid) as refused:
        recording.parse_log(body)

    assert list(refused.value.fields) == ["stderr"]


def test_a_repeat_changes_nothing_even_in_another_second():
    run = make_run()
    send(run, ["a", "b"])
    earlier = LogChunk.objects.get()
    earlier.created_at = earlier.created_at.replace(year=2020, hour=1, minute=2, second=3)
    earlier.text = "01:02:03 INFO a\n01:02:03 INFO b\n"
    earlier.save()

    assert send(run, ["a", "b"]).duplicate

    assert texts(run) == ["01:02:03 INFO a", "01:02:03 INFO b"]


def test_other_lines_under_a_number_that_was_used_are_a_conflict():
    run = make_run()
    send(run, ["a"])

    with pytest.raises(Conflict) as refused:
        send(run, ["b"])

    assert refused.value.code == "log_number_used"
    assert list(refused.value.fields) == ["number"]
    assert [text[9:] for text in texts(run)] == ["INFO a"]


def test_two_clients_number_their_lines_each_by_themselves():
    run = make_run()
    send(run, ["a"], client="rank-0")
    send(run, ["b"], client="rank-1")

    assert [text[9:] for text in texts(run)] == ["INFO a", "INFO b"]


def test_the_console_of_a_job_is_written_by_its_worker_only():
    job = make_job(status="running")

    with pytest.raises(Conflict) as refused:
        send(job.run, ["a"])

    assert refused.value.code == "run_has_job"
    assert not LogChunk.objects.exists()


def test_no_such_run():
    with pytest.raises(NotFound):
        recording.append_client_log(run_id="nosuchrun", log=ClientLog("box", 0, ["a"]))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"client": None}, "client"),
        ({"client": "two words"}, "client"),
        ({"client": "x" * 65}, "client"),
        ({"number": None}, "number"),
        ({"number": -1}, "number"),
        ({"number": True}, "number"),
        ({"number": 2**31}, "number"),
        ({"lines": None}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": "a"}, "lines"),
        ({"lines": ["a"] * (LINES_PER_BATCH + 1)}, "lines"),
        ({"lines": ["x" * LINE_CHARACTERS] * 101}, "lines"),
        ({"lines": ["a", 1]}, "lines[1]"),
        ({"lines": ["a", "x" * (LINE_CHARACTERS + 1)]}, "lines[1]"),
        ({"lines": ["a\nb"]}, "lines[0]"),
        ({"lines": ["a\r"]}, "lines[0]"),
        ({"lines": ["\0"]}, "lines[0]"),
        ({"lines": ["\ud800"]}, "lines[0]"),
        ({"time": "noon"}, "time"),
        ({"time": True}, "time"),
        ({"time": -1}, "time"),
        ({"time": 1e12}, "time"),
        ({"text": "a"}, "text"),
    ],
)
def test_what_is_wrong_is_named(change, field):
    body = {"client": "box", "number": 0, "lines": ["a"], **change}

    with pytest.raises(Invalid) as refused:
        recording.parse_log(body)

    assert (refused.value.code, list(refused.value.fields)) == ("invalid_log", [field])


def test_a_body_that_is_no_object_is_refused():
    with pytest.raises(Invalid) as refused:
        recording.parse_log(["a"])

    assert list(refused.value.fields) == ["body"]
