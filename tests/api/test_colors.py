"""A run's colour and a reader's palette over REST."""

from experiments.models import Run
from tests import factories
from tests.api.conftest import error_of

ME = "/api/v1/users/me/"


def test_a_chosen_color_is_kept_with_the_run_until_it_is_dropped(lab):
    run = factories.make_run(lab.project)
    path = f"/api/v1/runs/{run.pk}/"
    assert lab.viewer.get(path).json()["color"] is None

    assert lab.member.patch(path, {"color": 13}, format="json").json()["color"] == 13
    lab.member.patch(path, {"name": "other"}, format="json")
    assert Run.objects.get(pk=run.pk).color_slot == 13

    assert lab.member.patch(path, {"color": None}, format="json").json()["color"] is None
    assert Run.objects.get(pk=run.pk).color_slot == run.number


def test_a_color_that_is_none_is_refused_with_the_limits(lab):
    run = factories.make_run(lab.project)

    for color in (0, 21, -1, "red", 2.5, True):
        answer = lab.member.patch(f"/api/v1/runs/{run.pk}/", {"color": color}, format="json")
        assert answer.status_code == 400
        assert "color" in error_of(answer)["fields"]


def test_a_palette_is_kept_with_the_user(lab):
    assert lab.member.get(ME).json()["palette"] == "standard"

    assert lab.member.patch(ME, {"palette": "grey"}, format="json").json()["palette"] == "grey"
    assert lab.member.get(ME).json()["palette"] == "grey"
    assert lab.viewer.get(ME).json()["palette"] == "standard"


def test_an_unknown_palette_is_refused_with_those_there_are(lab):
    answer = lab.member.patch(ME, {"palette": "neon"}, format="json")

    assert answer.status_code == 400
    assert "standard, safe, grey" in error_of(answer)["message"]
