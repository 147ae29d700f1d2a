"""What every answer tells the browser, and which Host headers get one at all."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from config.security import CONTENT_SECURITY_POLICY, SecurityHeaders

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/healthz", "/sign-in/", "/api/v1/docs/", "/nothing/here/"])
def test_every_answer_carries_the_policies(client, path):
    answer = client.get(path)

    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_scripts_come_from_here_only():
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert "unsafe-eval" not in CONTENT_SECURITY_POLICY


def test_view_may_be_stricter():
    def view(request):
        return HttpResponse(headers={"Content-Security-Policy": "sandbox"})

    answer = SecurityHeaders(view)(RequestFactory().get("/"))

    assert answer.headers["Content-Security-Policy"] == "sandbox"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/projects/", "/sign-in/"])
def test_foreign_host_is_refused(client, path):
    assert client.get(path, headers={"host": "evil.example"}).status_code == 400


def test_this_machine_is_always_a_known_host(client):
    assert client.get("/sign-in/", headers={"host": "127.0.0.1:8000"}).status_code == 200
