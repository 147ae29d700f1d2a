"""Consoles aligned without their times."""

import pytest

from experiments.comparing import console
from experiments.comparing.console import LogRow, aligned, timeless
from experiments.shapes import LogLine
from tests.factories import make_log, make_run


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(number, 1, text, "stdout") for number, text in enumerate(texts, 1)]


def texts(rows: list[LogRow]) -> list[tuple[str | None, str | None]]:
    return [(row.old and row.old.text, row.new and row.new.text) for row in rows]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("12:00:01 INFO epoch 3", "23:59:59 INFO epoch 3"),
        ("2026-01-02T03:04:05.678Z loaded", "2025-12-31 23:59:59,001 loaded"),
        ("[27/11/2026 10:00] go", "[28/11/2026 11:30] go"),
        ("27 Nov 2026 10:00:00 go", "1 Dec 2026 09:00:00 go"),
        ("took 12.3s", "took 1.25 s"),
        ("took 350 ms", "took 1.2 min"),
        ("elapsed 1h 02m 3.5s", "elapsed 2m 1s"),
        ("45%| 45/100 [00:12<00:15,  3.61it/s]", "45%| 45/100 [01:02<?, 12.20s/it]"),
        ("step 4 done (1200 samples/s)", "step 4 done (77.5 samples/s)"),
        ("3ms/step - loss: 0.3", "12 ms/step - loss: 0.3"),
        ("started at 1790000000.25", "started at 1791234567"),
    ],
)
def test_times_dates_durations_and_rates_do_not_count(first: str, second: str):
    assert timeless(first) == timeless(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("epoch 3", "epoch 4"),
        ("loss 0.31", "loss 0.32"),
        ("conv3s", "conv4s"),
        ("version 1.2.3", "version 1.2.4"),
        ("45%| 45/100 [00:12<00:15, 3.6it/s]", "46%| 46/100 [00:12<00:15, 3.6it/s]"),
    ],
)
def test_other_numbers_count(first: str, second: str):
    assert timeless(first) != timeless(second)


def test_equal_lines_stand_side_by_side_and_extra_ones_alone():
    rows = aligned(lines("10:00 a", "10:01 b", "10:02 c"), lines("11:00 a", "11:01 c", "11:05 d"))

    assert texts(rows) == [
        ("10:00 a", "11:00 a"),
        ("10:01 b", None),
        ("10:02 c", "11:01 c"),
        (None, "11:05 d"),
    ]
    assert [row.is_same for row in rows] == [True, False, True, False]


def test_lines_that_differ_in_numbers_are_paired_around_one_that_only_one_run_printed():
    rows = aligned(
        lines("step 1 loss 0.50", "step 2 loss 0.40"),
        lines("step 1 loss 0.51", "warning: slow", "step 2 loss 0.44"),
    )

    assert texts(rows) == [
        ("step 1 loss 0.50", "step 1 loss 0.51"),
        (None, "warning: slow"),
        ("step 2 loss 0.40", "step 2 loss 0.44"),
    ]


def test_marks_leave_times_out():
    (row,) = aligned(lines("10:00:00 loss 0.5 in 3 s"), lines("11:11:11 loss 0.7 in 9 s"))

    assert row.words == (((16, 17),), ((16, 17),))


def test_every_line_of_both_is_told_once_whatever_it_holds():
    first = lines("\0 a", "x\ry", "<b>", "", "", "same")
    second = lines("", "same", "\0 b", "<b>")

    rows = aligned(first, second)

    assert [row.old for row in rows if row.old] == first
    assert [row.new for row in rows if row.new] == second


@pytest.mark.django_db
def test_the_middle_of_a_long_console_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "ENDS", 10)
    long, short = make_run(name="long"), make_run(name="short")
    make_log(long, "".join(f"12:00:00 INFO line {i}\n" for i in range(50)))
    make_log(short, "".join(f"12:00:00 INFO line {i}\n" for i in range(20)))

    found = console.compare(long.pk, short.pk)

    assert (found.old.total, found.old.left_out, found.new.left_out) == (50, 30, 0)
    assert [line.number for line in found.old.lines] == [*range(1, 11), *range(41, 51)]


@pytest.mark.django_db
def test_one_stream_alone_is_compared_when_asked():
    run = make_run()
    make_log(run, "12:00:00 INFO out\n12:00:00 STDERR INFO oops\n")

    found = console.compare(run.pk, run.pk, stream="stderr")

    assert texts(list(found.rows)) == [("12:00:00 INFO oops", "12:00:00 INFO oops")]
