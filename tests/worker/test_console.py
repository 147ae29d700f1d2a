"""The console: whole lines, once, in order, whoever dies in between."""

import re

import pytest

from experiments.models import LogChunk
from tests.factories import make_run
from worker import console
from worker.console import FILE_NAME, Console

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return make_run()


def text_of(run) -> str:
    return "".join(LogChunk.objects.order_by("number").values_list("text", flat=True))


def write(folder, data: bytes) -> None:
    with (folder / FILE_NAME).open("ab") as file:
        file.write(data)


def test_lines_are_recorded_when_they_are_whole(run, tmp_path):
    reader = Console(run.pk, 1, tmp_path)
    write(tmp_path, b"12:00:00 INFO one\n12:00:01 INFO t")

    reader.pump()
    assert text_of(run) == "12:00:00 INFO one\n"

    write(tmp_path, b"wo\n")
    reader.pump()
    assert text_of(run) == "12:00:00 INFO one\n12:00:01 INFO two\n"


def test_lines_of_others_get_a_time_and_a_level(run, tmp_path):
    write(tmp_path, b"Segmentation \xff fault\x00\n")

    Console(run.pk, 1, tmp_path).pump()

    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO Segmentation � fault�\n", text_of(run))


def test_partial_last_line_is_kept_at_the_end(run, tmp_path):
    write(tmp_path, b"12:00:00 INFO cut off he")

    Console(run.pk, 1, tmp_path).pump(is_final=True)

    assert text_of(run) == "12:00:00 INFO cut off he\n"


def test_another_reader_continues_where_the_first_died(run, tmp_path):
    write(tmp_path, b"12:00:00 INFO one\n")
    Console(run.pk, 1, tmp_path).pump()
    write(tmp_path, b"12:00:01 INFO two\n")

    Console(run.pk, 1, tmp_path).pump()

    assert text_of(run) == "12:00:00 INFO one\n12:00:01 INFO two\n"


def test_chunk_announced_but_not_recorded_is_recorded_once(run, tmp_path, monkeypatch):
    write(tmp_path, b"12:00:00 INFO one\n")

    def die(**_):
        raise ConnectionError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(console.recording, "append_log", die)
        with pytest.raises(ConnectionError):
            Console(run.pk, 1, tmp_path).pump()
    write(tmp_path, b"12:00:01 INFO two\n")
    Console(run.pk, 1, tmp_path).pump()
    Console(run.pk, 1, tmp_path).pump()

    assert text_of(run) == "12:00:00 INFO one\n12:00:01 INFO two\n"


def test_endless_line_is_cut(run, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "CHUNK_BYTES", 8)
    write(tmp_path, b"x" * 20)

    Console(run.pk, 1, tmp_path).pump()

    assert len(re.findall("x{8}", text_of(run))) == 2


def test_flood_is_counted_and_not_kept(run, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "CHUNK_BYTES", 20)
    monkeypatch.setattr(console, "MOST_BYTES", 30)
    write(tmp_path, b"12:00:00 INFO line\n" * 5)

    Console(run.pk, 1, tmp_path).pump(is_final=True)

    assert text_of(run).count("INFO line\n") == 2
    assert "WARNING 55 more bytes were written and not kept" in text_of(run)


def test_no_file_is_no_output(run, tmp_path):
    Console(run.pk, 1, tmp_path).pump(is_final=True)

    assert not LogChunk.objects.exists()
