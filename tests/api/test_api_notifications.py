"""Comments, the inbox, watches and webhooks over REST."""

import pytest

from experiments import inbox, lifecycle
from experiments.models import Comment, Delivery, Notification
from tests import factories
from tests.api.conftest import error_of


@pytest.fixture
def run(lab):
    return factories.make_run(lab.project, "maml")


def test_a_comment_tells_whom_it_mentions(lab, run):
    made = lab.member.post(f"/api/v1/runs/{run.pk}/comments/", {"text": "@vera look"})

    assert made.json()["author"] == "ada"
    assert made.json()["step"] is None
    [told] = lab.viewer.get("/api/v1/notifications/?unread=true").json()["results"]
    assert (told["kind"], told["run"], told["project"]) == ("mention", run.pk, "lab/sinusoid")
    listed = lab.viewer.get(f"/api/v1/runs/{run.pk}/comments/").json()["results"]
    assert [one["text"] for one in listed] == ["@vera look"]


def test_a_comment_on_a_metric_that_is_not_there_is_refused(lab, run):
    refused = lab.member.post(f"/api/v1/runs/{run.pk}/comments/", {"text": "x", "metric": "no"})

    assert "metric" in error_of(refused)["fields"]
    assert not Comment.objects.exists()


def test_one_member_does_not_remove_what_another_wrote(lab, run):
    made = lab.member.post(f"/api/v1/runs/{run.pk}/comments/", {"text": "x"}).json()
    address = f"/api/v1/runs/{run.pk}/comments/{made['id']}/"

    assert lab.raised.delete(address).status_code == 403
    assert lab.member.delete(address).status_code == 204


def test_an_inbox_is_its_owners_alone(lab, run):
    lab.member.put("/api/v1/projects/lab/sinusoid/watch/", {"kinds": ["finished"]})
    lifecycle.finish_client_run(run)
    inbox.spread()

    assert lab.viewer.get("/api/v1/notifications/").json()["results"] == []
    assert lab.viewer.post("/api/v1/notifications/read/", {}).json()["marked"] == 0
    [mine] = lab.member.get("/api/v1/notifications/").json()["results"]
    answer = lab.member.post("/api/v1/notifications/read/", {"ids": [mine["id"]]})
    assert answer.json() == {"marked": 1, "unread": 0}
    assert Notification.objects.get().read_at is not None


def test_a_watch_is_what_was_chosen_last(lab):
    address = "/api/v1/projects/lab/sinusoid/watch/"

    assert lab.viewer.get(address).json() == {"kinds": [], "only_mine": False}
    lab.viewer.put(address, {"kinds": ["nan", "failed"], "only_mine": True})
    assert lab.viewer.get(address).json() == {"kinds": ["failed", "nan"], "only_mine": True}
    refused = lab.viewer.put(address, {"kinds": ["rain"]})
    assert "kinds" in error_of(refused)["fields"]


def test_a_webhook_shows_its_secret_once_and_refuses_private_addresses(lab):
    hooks = "/api/v1/projects/lab/sinusoid/webhooks/"

    made = lab.admin.post(hooks, {"url": "https://example.com/x", "kinds": ["best"]})
    refused = lab.admin.post(hooks, {"url": "http://169.254.169.254/", "kinds": ["best"]})

    assert len(made.json()["secret"]) > 30
    assert made.json()["secret"] not in lab.admin.get(hooks).content.decode()
    assert "METASCOPE_WEBHOOK_HOSTS" in error_of(refused)["fields"]["url"][0]
    ping = lab.admin.post(f"{hooks}{made.json()['id']}/ping/", {})
    assert (ping.json()["event"], ping.json()["sent_at"]) == ("test", None)
    listed = lab.admin.get(f"{hooks}{made.json()['id']}/deliveries/").json()["results"]
    assert [one["id"] for one in listed] == [Delivery.objects.get().pk]
