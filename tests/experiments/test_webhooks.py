"""Webhooks: where they may lead, what is sent, and that it is sent until it is taken."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from experiments import inbox, lifecycle, webhooks
from experiments.errors import Conflict, Invalid
from experiments.models import AuditEntry, Delivery, Webhook
from experiments.webhooks import addresses
from experiments.webhooks.addresses import Refused
from tests import factories
from worker.sweeps import tell

pytestmark = pytest.mark.django_db


class Receiver(HTTPServer):
    """Answers with the statuses of `answers`, the last again and again, and keeps what it got."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.got = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receive():
    """Starts a receiver that answers with these statuses."""
    servers = []

    def start(*answers):
        server = Receiver(*answers)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def project(settings):
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    lab = factories.make_workspace("lab", ada="member", max="admin")
    return factories.make_project(lab)


def hook_to(project, server, kinds=("finished",)):
    return webhooks.create(
        project,
        user=factories.make_user("max"),
        url=f"http://127.0.0.1:{server.server_port}/hook?room=1",
        kinds=kinds,
        site="https://lab.example/",
    )


def make_due():
    Delivery.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=1))


def test_an_event_is_sent_signed_with_what_happened(project, receive):
    server = receive(200)
    hook, secret = hook_to(project, server)
    run = factories.make_run(project, "maml <b>")

    lifecycle.finish_client_run(run)
    tell()

    [(path, headers, body)] = server.got
    told = json.loads(body)
    assert path == "/hook?room=1"
    assert headers["X-Metascope-Event"] == told["event"] == "finished"
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Metascope-Signature"] == f"sha256={signed}"
    assert told["project"] == "lab/sinusoid"
    assert told["run"] == {
        "id": run.pk,
        "name": "maml <b>",
        "url": f"https://lab.example/runs/{run.pk}/",
    }
    assert told["text"] == f"maml <b> completed: https://lab.example/runs/{run.pk}/"
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.due_at) == (200, 1, None)
    assert delivery.sent_at is not None


def test_other_events_are_not_sent_there(project, receive):
    server = receive(200)
    hook_to(project, server, kinds=["failed"])
    other, _ = hook_to(factories.make_project(project.workspace, "other"), server)

    lifecycle.finish_client_run(factories.make_run(project))
    tell()

    assert server.got == []


def test_what_was_not_taken_is_sent_again_later_and_is_the_same(project, receive):
    server = receive(500, 503, 204)
    hook_to(project, server)
    lifecycle.finish_client_run(factories.make_run(project))
    waits = []

    for _ in range(3):
        before = timezone.now()
        tell()
        delivery = Delivery.objects.get()
        if delivery.due_at is not None:
            waits.append(round((delivery.due_at - before).total_seconds()))
            assert delivery.error.startswith("It answered 50")
            assert webhooks.send_due() == 0  # not yet
        make_due()
    tell()

    assert waits == [10, 20]
    assert len(server.got) == 3
    assert len({body for _, _, body in server.got}) == 1
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error, delivery.attempts) == (204, "", 3)


def test_a_worker_that_dies_while_sending_leaves_the_delivery_to_another(
    project, receive, monkeypatch
):
    server = receive(200)
    hook_to(project, server)
    lifecycle.finish_client_run(factories.make_run(project))
    inbox.spread()

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("experiments.webhooks.sending._attempt", die)
        with pytest.raises(KeyboardInterrupt):
            webhooks.send_due()
    assert webhooks.send_due() == 0  # within the lease of the one that died
    make_due()

    assert webhooks.send_due() == 1
    assert len(server.got) == 1


def test_a_receiver_that_wants_no_more_gets_no_more(project, receive):
    server = receive(410)
    hook_to(project, server)
    lifecycle.finish_client_run(factories.make_run(project))

    tell()

    delivery = Delivery.objects.get()
    assert (delivery.due_at, delivery.sent_at, delivery.status) == (None, None, 410)


def test_after_many_attempts_it_is_given_up_and_can_be_sent_again(project, receive):
    server = receive(500)
    hook_to(project, server)
    lifecycle.finish_client_run(factories.make_run(project))
    tell()
    Delivery.objects.update(attempts=13)
    make_due()

    tell()
    delivery = Delivery.objects.get()
    assert delivery.due_at is None
    webhooks.send_again(delivery)
    server.answers[:] = [200]
    tell()

    delivery.refresh_from_db()
    assert delivery.sent_at is not None


def test_redirects_are_not_followed(project, receive):
    server = receive(302)
    hook_to(project, server)
    lifecycle.finish_client_run(factories.make_run(project))

    tell()

    assert len(server.got) == 1
    assert Delivery.objects.get().sent_at is None


def test_an_address_that_does_not_answer_disturbs_no_other(project, receive):
    server = receive(200)
    gone = receive(200)
    hook_to(project, gone)
    hook_to(project, server)
    gone.shutdown()
    gone.server_close()
    lifecycle.finish_client_run(factories.make_run(project))

    tell()

    assert len(server.got) == 1
    assert "ConnectionRefusedError" in Delivery.objects.get(sent_at=None).error


def test_a_private_address_is_refused_unless_the_administrator_allows_it(project, settings):
    settings.WEBHOOK_HOSTS = []
    for host in (
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]", "[fd00::1]",
        "[::ffff:127.0.0.1]", "0.0.0.0", "224.0.0.1", "100.64.0.1",
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            addresses.check(f"http://{host}/hook")
        assert "url" in refused.value.fields
    addresses.check("http://1.1.1.1/hook")
    settings.WEBHOOK_HOSTS = ["10.0.0.0/8"]
    addresses.check("http://10.1.2.3/hook")


def test_a_name_that_leads_to_a_private_address_is_not_called(project, receive, settings):
    server = receive(200)
    url = f"http://localhost:{server.server_port}/"
    settings.WEBHOOK_HOSTS = []
    webhooks.create(
        project, user=factories.make_user("max"), url=url, kinds=["finished"], site="http://x/"
    )
    lifecycle.finish_client_run(factories.make_run(project))

    tell()

    assert server.got == []
    assert "private network" in Delivery.objects.get().error
    settings.WEBHOOK_HOSTS = ["localhost"]
    make_due()
    tell()
    assert len(server.got) == 1


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch, settings):
    settings.WEBHOOK_HOSTS = []
    answers = [(2, 1, 6, "", ("1.1.1.1", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: answers)

    with pytest.raises(Refused):
        addresses.resolve(addresses.parse("http://two.example/"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "example.com", "https://", "http://a b/",
        "https://user:pass@example.com/", "http://example.com:99999/", "http://ex\u00e4mple.com/",
        "http://example.com/\r\nX: y", "gopher://x/",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(project, url):
    with pytest.raises(Invalid) as refused:
        webhooks.create(
            project, user=factories.make_user("max"), url=url, kinds=["failed"], site="http://x/"
        )

    assert "url" in refused.value.fields


def test_a_webhook_needs_kinds_and_a_project_has_so_many(project, receive):
    server = receive(200)
    with pytest.raises(Invalid):
        hook_to(project, server, kinds=[])
    for _ in range(webhooks.MOST):
        hook_to(project, server)
    with pytest.raises(Conflict):
        hook_to(project, server)


def test_making_and_removing_are_in_the_audit_log_without_what_is_secret(project, receive):
    hook, secret = hook_to(project, receive(200))

    webhooks.remove(hook)

    entries = list(AuditEntry.objects.order_by("pk"))
    assert [one.action for one in entries] == ["webhook.created", "webhook.removed"]
    assert all("room" not in one.subject for one in entries)
    assert secret not in str([one.details for one in entries])
    assert not Webhook.objects.exists()


def test_a_test_is_sent_on_demand(project, receive):
    server = receive(200)
    hook, _ = hook_to(project, server)

    webhooks.ping(hook)
    tell()

    assert json.loads(server.got[0][2])["event"] == "test"
