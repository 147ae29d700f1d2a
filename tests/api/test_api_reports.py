"""Reports over REST: written upon a version, shared by links."""

import pytest

from experiments.models import Report
from tests.api.conftest import error_of

REPORTS = "/api/v1/reports/"


@pytest.fixture
def report(lab):
    answer = lab.member.post(
        REPORTS, {"project": "lab/sinusoid", "title": "Found", "text": "One step."}
    )
    assert answer.status_code == 201
    return answer.json()


def test_a_report_is_listed_and_read_with_its_version(lab, report):
    listed = lab.viewer.get(f"{REPORTS}?project=lab/sinusoid").json()["results"]

    assert [(one["title"], one["version"], one["created_by"]) for one in listed] == [
        ("Found", 1, "ada")
    ]
    assert lab.viewer.get(f"{REPORTS}{report['id']}/").json()["text"] == "One step."


def test_a_change_is_written_upon_the_version_that_was_read(lab, report):
    address = f"{REPORTS}{report['id']}/"

    first = lab.member.patch(address, {"version": 1, "text": "Two steps."})
    second = lab.admin.patch(address, {"version": 1, "text": "Three steps."})

    assert first.json()["version"] == 2
    assert second.status_code == 409
    error = error_of(second)
    assert error["code"] == "report_changed"
    assert "Version 2 is the newest" in error["fields"]["version"][0]
    assert lab.viewer.get(address).json()["text"] == "Two steps."


def test_every_version_is_kept(lab, report):
    address = f"{REPORTS}{report['id']}/"
    lab.member.patch(address, {"version": 1, "text": "Two steps."})

    versions = lab.viewer.get(f"{address}versions/").json()["results"]

    assert [one["number"] for one in versions] == [2, 1]
    assert lab.viewer.get(f"{address}versions/1/").json()["text"] == "One step."
    assert lab.viewer.get(f"{address}versions/9/").status_code == 404


def test_what_changes_nothing_makes_no_version(lab, report):
    same = lab.member.patch(f"{REPORTS}{report['id']}/", {"version": 1, "text": "One step."})

    assert same.json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x"}, "version"),
        ({"version": 0, "text": "x"}, "version"),
        ({"version": 1, "title": " "}, "title"),
        ({"version": 1, "title": "x" * 201}, "title"),
        ({"version": 1, "text": "a\u0000b"}, "text"),
        ({"version": 1, "words": "x"}, "words"),
    ],
)
def test_a_wrong_change_names_its_field(lab, report, body, field):
    refused = lab.member.patch(f"{REPORTS}{report['id']}/", body)

    assert refused.status_code == 400
    assert field in error_of(refused)["fields"]


def test_only_its_first_author_and_admins_remove_it(lab, report):
    address = f"{REPORTS}{report['id']}/"

    assert lab.raised.delete(address).status_code == 403
    assert lab.member.delete(address).status_code == 204
    assert not Report.objects.exists()


def test_a_link_shows_its_address_once(lab, report):
    links = f"{REPORTS}{report['id']}/links/"

    made = lab.member.post(links, {"days": 1, "note": "Grace"})

    assert made.json()["url"].startswith("http://testserver/shared/")
    assert lab.anonymous.get(made.json()["url"]).status_code == 200
    listed = lab.member.get(links).json()["results"]
    assert [one["note"] for one in listed] == ["Grace"]
    assert "url" not in listed[0]
    assert lab.member.delete(f"{links}{made.json()['id']}/").status_code == 204
    assert lab.anonymous.get(made.json()["url"]).status_code == 410


def test_a_replay_of_a_link_tells_no_secret(lab, report):
    links = f"{REPORTS}{report['id']}/links/"
    key = {"HTTP_IDEMPOTENCY_KEY": "k"}

    first = lab.member.post(links, {"days": 1}, **key)
    again = lab.member.post(links, {"days": 1}, **key)

    assert first.json()["url"]
    assert again.json()["url"] is None
