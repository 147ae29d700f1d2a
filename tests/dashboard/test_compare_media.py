"""Media of compared runs side by side, and the sandbox that hostile ones are in."""

import pytest
from django.test import Client

from dashboard.media import content
from experiments.models import Role, Run
from tests.dashboard.media_files import HOSTILE, put, runs_with_media
from tests.factories import make_run, make_user, make_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Client:
    make_workspace("lab", ada=Role.VIEWER)
    client.force_login(make_user("ada"))
    return client


def media(client: Client, runs: list[Run], extra: str = "") -> str:
    answer = client.get(f"/compare/media/?runs={','.join(run.pk for run in runs)}{extra}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_each_run_shows_its_nearest_step_and_says_so(ada: Client):
    text = media(ada, runs_with_media(), "&media=samples&mstep=100")

    assert "samples/000000000100.png" in text
    assert "samples/000000000080.png" in text
    assert "step 80, the nearest" in text
    assert "step 100<" in text


def test_without_a_step_the_last_is_shown(ada: Client):
    text = media(ada, runs_with_media(), "&media=samples")

    assert "samples/000000000200.png" in text
    assert "step 100, the nearest" in text


def test_overlays_lie_upon_the_picture_of_the_baseline(ada: Client):
    runs = runs_with_media()

    text = media(ada, runs, "&media=samples&mview=difference")

    assert text.count('<div class="overlaid difference">') == 1
    assert "samples of B second less that of A first" in text


def test_table_cells_that_differ_from_the_baseline_are_marked(ada: Client):
    text = media(ada, runs_with_media(), "&media=worst")

    assert '<td class="mono diff">3</td>' in text
    assert "1 cell differs from the baseline&#x27;s row." in text or "1 cell differs" in text


def test_matrices_have_one_colour_scale_and_a_difference(ada: Client):
    runs = runs_with_media()

    both = media(ada, runs, "&media=confusion")
    less = media(ada, runs, "&media=confusion&mview=difference")

    assert both.count("One colour scale for all runs, to 9.") == 2
    assert 'style="--v:89">8<' in both
    assert 'style="--v:100">+3<' in less
    assert 'class="less" style="--v:-33">−1<' in less


def test_histograms_share_their_axis(ada: Client):
    text = media(ada, runs_with_media(), "&media=weights")

    assert text.count("from 0 to 4") == 2
    assert "1 not finite" in text


def test_hostile_media_are_text_or_in_a_sandbox(ada: Client):
    runs = runs_with_media()

    text = media(ada, runs) + media(ada, runs, "&mpage=6")
    page = ada.get(f"/runs/{runs[0].pk}/files/page/?path=media/html/report/000000000100.html")

    assert HOSTILE not in text
    assert '<iframe sandbox="" src="' in text
    assert page.status_code == 200
    assert page["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert page["X-Frame-Options"] == "SAMEORIGIN"


def test_only_pages_that_were_logged_as_such_are_shown_as_pages(ada: Client):
    run = make_run()
    put(run, "text/x/000000000000.html", b"<p>x</p>")

    answer = ada.get(f"/runs/{run.pk}/files/page/?path=media/text/x/000000000000.html")

    assert answer.status_code == 404


def test_a_sound_is_played_by_its_bytes_and_nothing_else_is(ada: Client):
    runs = runs_with_media()
    there = f"/runs/{runs[0].pk}/files/sound/?path=media/"

    sound = ada.get(f"{there}audio/tone/000000000100.wav")
    picture = ada.get(f"{there}image/samples/000000000000.png")

    assert (sound.status_code, sound["Content-Type"]) == (200, "audio/wav")
    assert sound["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert b"".join(sound.streaming_content).startswith(b"RIFF")
    assert picture.status_code == 404


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("table", "t.table.json", b"[" * 50_000),
        ("table", "t.table.json", {"columns": ["a"], "rows": [1]}),
        ("confusion", "c.confusion.json", {"labels": ["a"], "counts": [[1, 2]]}),
        ("confusion", "c.confusion.json", {"labels": ["a"], "counts": [[1e300]]}),
        ("histogram", "h.histogram.json", {"edges": [0], "counts": []}),
        ("histogram", "h.histogram.json", b'{"edges": [NaN, 1], "counts": [1]}'),
        ("histogram", "h.histogram.json", b'{"edges": [0, 1' + b"0" * 400 + b'], "counts": [1]}'),
    ],
)
def test_a_file_of_another_shape_is_for_downloading(ada: Client, kind: str, name: str, content):
    runs = [make_run(name="first"), make_run(name="second")]
    put(runs[0], f"{kind}/x/000000000001{name[1:]}", content)

    text = media(ada, runs)

    assert "Not drawn:" in text
    assert "Download the file" in text


def test_long_tables_are_cut_and_say_so(ada: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(content, "MOST_ROWS", 2)

    assert "1 more row" in media(ada, runs_with_media(), "&media=worst")


def test_files_that_follow_another_plan_are_passed_over(ada: Client):
    runs = [make_run(name="first"), make_run(name="second")]
    for path in ("image/x.png", "image/a/step.png", "image/a/" + "9" * 30 + ".png"):
        put(runs[0], path, b"x")

    assert "No media yet" in media(ada, runs, "&mstep=%C2%B2&mpage=99999")
