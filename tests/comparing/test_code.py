"""Code snapshots compared: files, lines, words."""

from collections.abc import Mapping

import pytest

from experiments import snapshots
from experiments.comparing import code
from experiments.comparing.words import changed_words
from experiments.models import Snapshot
from tests.factories import make_workspace

pytestmark = pytest.mark.django_db

ADAPT = """def adapt(network, lr):
    for step in range(3):
        network -= lr
    return network
"""


def snapshot(files: Mapping[str, str | bytes]) -> Snapshot:
    return snapshots.store(
        workspace=make_workspace(),
        files={p: t if isinstance(t, bytes) else t.encode() for p, t in files.items()},
    )


def test_an_edit_between_two_runs_is_shown_line_by_line():
    old = snapshot({"worker/adapt.py": ADAPT, "worker/same.py": "x = 1\n"})
    new = snapshot(
        {"worker/adapt.py": ADAPT.replace("-= lr", "-= 2 * lr"), "worker/same.py": "x = 1\n"}
    )

    found = code.compare(old, new)
    diff = code.file_diff(old, new, "worker/adapt.py")

    (change,) = found.files
    assert (change.path, change.status) == ("worker/adapt.py", "changed")
    assert (change.added, change.removed, found.same) == (1, 1, 1)
    (hunk,) = diff.hunks
    assert [(line.kind, line.old, line.new) for line in hunk.lines] == [
        ("same", 1, 1),
        ("same", 2, 2),
        ("removed", 3, None),
        ("added", None, 3),
        ("same", 4, 4),
    ]
    added = hunk.lines[3]
    assert [added.text[start:end] for start, end in added.words] == ["2 * "]
    assert hunk.lines[2].words == ()


def test_added_removed_and_moved_files():
    old = snapshot({"gone.py": "a\nb\n", "here.py": "long enough\n"})
    new = snapshot({"new.py": "c\n", "there/here.py": "long enough\n"})

    found = code.compare(old, new)

    assert [(f.path, f.status, f.added, f.removed, f.moved_from) for f in found.files] == [
        ("gone.py", "removed", 0, 2, ""),
        ("new.py", "added", 1, 0, ""),
        ("there/here.py", "moved", 0, 0, "here.py"),
    ]
    assert (found.added, found.removed, found.same) == (1, 2, 0)


def test_whitespace_may_be_ignored():
    old, new = snapshot({"a.py": "if x:\n  y()\n"}), snapshot({"a.py": "if x:\n    y()\n"})

    assert len(code.compare(old, new).files) == 1
    assert code.compare(old, new, ignore_whitespace=True).files == ()
    assert code.file_diff(old, new, "a.py", ignore_whitespace=True).hunks == ()


def test_context_grows_and_skipped_lines_are_counted():
    lines = [f"line {i}\n" for i in range(1, 31)]
    old = snapshot({"a.txt": "".join(lines)})
    lines[14] = "changed\n"
    new = snapshot({"a.txt": "".join(lines)})

    near = code.file_diff(old, new, "a.txt", context=3)
    whole = code.file_diff(old, new, "a.txt", context=code.WHOLE_FILE)

    assert (near.hunks[0].skipped, len(near.hunks[0].lines), near.after) == (11, 8, 12)
    assert (whole.hunks[0].skipped, len(whole.hunks[0].lines), whole.after) == (0, 31, 0)


def test_a_deleted_line_alone_keeps_the_count_of_what_follows():
    old = snapshot({"a.txt": "1\n2\n3\n4\n5\n"})
    new = snapshot({"a.txt": "1\n2\n4\n5\n"})

    diff = code.file_diff(old, new, "a.txt", context=0)

    assert (diff.hunks[0].skipped, diff.after) == (2, 2)


def test_a_missing_newline_at_the_end_is_told_by_the_line():
    diff = code.texts_diff(b"a\nb\n", b"a\nb", "a.txt")

    assert [(line.kind, line.ends_file) for line in diff.hunks[0].lines] == [
        ("same", False),
        ("removed", False),
        ("added", True),
    ]


def test_binary_and_large_files_are_named_not_shown():
    old = snapshot({"weights.bin": b"\0\1", "big.csv": b"1\n" * code.LARGEST_FILE})
    new = snapshot({"weights.bin": b"\0\2", "big.csv": b"2\n" * code.LARGEST_FILE})

    found = code.compare(old, new)

    assert [(f.path, f.added, f.removed) for f in found.files] == [
        ("big.csv", None, None),
        ("weights.bin", None, None),
    ]
    assert code.file_diff(old, new, "big.csv").why.startswith("Too large to show: 2,000,000 bytes")
    assert code.file_diff(old, new, "weights.bin").why.startswith("Not a text: 2 bytes")


def test_a_run_without_snapshot_is_all_additions():
    found = code.compare(None, snapshot({"a.py": "x\n"}))

    assert [(f.status, f.added) for f in found.files] == [("added", 1)]
    assert code.compare(None, None).files == ()


def test_a_path_in_neither_snapshot_has_no_hunks():
    assert code.file_diff(snapshot({"a": "1"}), None, "b").hunks == ()


def test_text_that_is_not_utf8_is_shown_with_replacements():
    diff = code.texts_diff(b"caf\xe9\n", b"cafe\n", "menu.txt")

    assert diff.hunks[0].lines[0].text == "caf\ufffd"


def test_words_of_unlike_lines_are_not_marked():
    assert changed_words("import torch", "x = [1, 2, 3]") == ((), ())
    assert changed_words("a" * 2000, "a" * 1999 + "b") == ((), ())
    assert changed_words("lr = 0.1", "lr = 0.2") == (((7, 8),), ((7, 8),))
