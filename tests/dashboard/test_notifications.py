"""The inbox, and the page that says what reaches it and webhooks."""

import pytest

from experiments import comments, inbox, lifecycle, webhooks
from experiments.models import Delivery, Webhook
from tests import factories

pytestmark = pytest.mark.django_db
RULES = "/p/lab/sinusoid/notifications/"


@pytest.fixture
def run():
    lab = factories.make_workspace("lab", ada="member", vera="viewer", max="admin")
    return factories.make_run(factories.make_project(lab, "sinusoid"), "<i>maml</i>")


@pytest.fixture
def sign_in(client):
    def sign_in(name):
        client.force_login(factories.make_user(name))
        return client

    return sign_in


@pytest.fixture
def hook(run):
    return webhooks.create(
        run.project,
        user=factories.make_user("max"),
        url="https://chat.example/hooks/secret-key",
        kinds=["finished"],
        site="https://lab.example/",
    )[0]


def test_the_inbox_counts_shows_and_leads_to_what_is_told(sign_in, run):
    made = comments.comment(run, user=factories.make_user("ada"), text="@vera <b>look</b>")
    client = sign_in("vera")

    page = client.get("/notifications/").content.decode()
    told = inbox.of_user(factories.make_user("vera")).get()
    opened = client.post("/notifications/read/", {"id": str(told.pk)})

    assert "ada mentions you on &lt;i&gt;maml&lt;/i&gt;" in page
    assert "&lt;b&gt;look&lt;/b&gt;" in page
    assert '<span class="n">1</span>' in page
    assert opened["Location"] == f"/runs/{run.pk}/#comment-{made.pk}"
    assert "Nothing unread" in client.get("/notifications/?unread=1").content.decode()


def test_nobody_reads_the_inbox_of_another(sign_in, run):
    comments.comment(run, user=factories.make_user("ada"), text="@vera look")
    told = inbox.of_user(factories.make_user("vera")).get()
    client = sign_in("max")

    assert "ada mentions you" not in client.get("/notifications/").content.decode()
    assert client.post("/notifications/read/", {"id": str(told.pk)}).status_code == 404
    client.post("/notifications/read/")
    assert inbox.unread_count(factories.make_user("vera")) == 1


def test_viewers_choose_what_they_hear_of_and_see_no_webhooks(sign_in, run, hook):
    client = sign_in("vera")

    saved = client.post(RULES, {"kind": ["failed", "finished"], "only_mine": "1"}, follow=True)
    page = saved.content.decode()

    assert page.count("checked") == 3
    assert "chat.example" not in page
    assert inbox.watch_of(run.project, factories.make_user("vera")).kinds == ["finished", "failed"]
    for address in ("webhooks/", f"webhooks/{hook.pk}/remove/", f"webhooks/{hook.pk}/test/"):
        assert client.post(RULES + address, {}).status_code == 403


def test_an_admin_adds_a_webhook_and_sees_its_secret_once(sign_in, run):
    client = sign_in("max")

    told = {"url": "https://chat.example/hooks/key", "kind": ["failed"]}
    made = client.post(f"{RULES}webhooks/", told).content.decode()

    hook = Webhook.objects.get()
    assert hook.secret in made
    assert hook.site == "http://testserver/"
    again = client.get(RULES).content.decode()
    assert hook.secret not in again
    assert "https://chat.example:443" in again
    assert "hooks/key" not in again


def test_an_address_that_is_refused_says_why_and_stays_in_the_form(sign_in, run):
    refused = sign_in("max").post(
        f"{RULES}webhooks/", {"url": "http://10.0.0.1/", "kind": ["failed"]}
    )

    assert refused.status_code == 400
    assert "METASCOPE_WEBHOOK_HOSTS" in refused.content.decode()
    assert 'value="http://10.0.0.1/"' in refused.content.decode()


def test_what_was_sent_is_listed_and_can_be_sent_again(sign_in, run, hook):
    lifecycle.finish_client_run(run)
    inbox.spread()
    Delivery.objects.update(due_at=None, attempts=14, error="It answered 500 <b>.", status=500)
    client = sign_in("max")

    page = client.get(RULES).content.decode()
    client.post(f"{RULES}deliveries/{Delivery.objects.get().pk}/again/")

    assert "given up" in page
    assert "It answered 500 &lt;b&gt;." in page
    assert Delivery.objects.get().due_at is not None
    assert Delivery.objects.get().attempts == 0


def test_a_test_is_put_on_its_way(sign_in, run, hook):
    client = sign_in("max")

    page = client.post(f"{RULES}webhooks/{hook.pk}/test/", follow=True).content.decode()

    assert "A test is on its way" in page
    assert Delivery.objects.get().event.kind == "test"


def test_things_of_another_project_are_not_there(sign_in, run, hook):
    other = factories.make_project(run.project.workspace, "other")
    client = sign_in("max")
    delivery = webhooks.ping(hook)

    there = f"/p/lab/{other.slug}/notifications/"
    assert client.post(f"{there}webhooks/{hook.pk}/remove/").status_code == 404
    assert client.post(f"{there}deliveries/{delivery.pk}/again/").status_code == 404
