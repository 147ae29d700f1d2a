"""Sends what is due, at least once: a delivery waits in the database until its address took it."""

import hashlib
import hmac
import http.client
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from experiments import telling
from experiments.models import Delivery, RunEvent, Webhook
from experiments.webhooks import addresses
from experiments.webhooks.addresses import Refused, Target

logger = logging.getLogger(__name__)

AT_ONCE = 20
TIMEOUT_S, DEADLINE_S = 10.0, 30.0
LEASE_S = 60  # after which another worker takes over what one was sending when it died
FIRST_WAIT_S, LONGEST_WAIT_S = 10, 3600
MOST_ATTEMPTS = 14  # 10 s, 20 s, 40 s, ... then hourly: about eight hours in all
GONE = 410  # the receiver says that it wants no more


def send_due() -> int:
    """Sends what is due; returns how many deliveries were taken. Never raises for an address."""
    due = Delivery.objects.filter(due_at__lte=Now()).order_by("due_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
    return sum(_send(delivery_id) for delivery_id in ids)


def _send(delivery_id: int) -> bool:
    # Of two workers one finds it due. Should it die now, the delivery is due again after the lease.
    mine = Delivery.objects.filter(pk=delivery_id, due_at__lte=Now())
    if not mine.update(due_at=Now() + timedelta(seconds=LEASE_S)):
        return False
    rows = Delivery.objects.select_related("webhook__project__workspace", "event__run")
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None:  # its webhook was removed just now
        return False
    status, error = _attempt(delivery)
    attempts = delivery.attempts + 1
    changes: dict[str, Any] = {"attempts": attempts, "status": status, "error": error[:300]}
    taken = status is not None and 200 <= status < 300
    if taken:
        changes |= {"sent_at": Now(), "due_at": None, "error": ""}
    elif status == GONE or attempts >= MOST_ATTEMPTS:
        changes["due_at"] = None
    else:
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempts - 1))
        changes["due_at"] = Now() + timedelta(seconds=wait)
    Delivery.objects.filter(pk=delivery.pk).update(**changes)
    return taken


def _attempt(delivery: Delivery) -> tuple[int | None, str]:
    """The status of the answer, if there was one, and what went wrong."""
    hook = delivery.webhook
    body = body_of(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Metascope",
        "X-Metascope-Event": delivery.event.kind,
        "X-Metascope-Delivery": str(delivery.pk),
        "X-Metascope-Signature": signature(hook.secret, body),
    }
    try:
        target = addresses.parse(hook.url)
        with _connection(target) as connection:
            connection.request("POST", target.path, body=body, headers=headers)
            answer = connection.getresponse()
    except Refused as error:
        return None, str(error)
    except (OSError, http.client.HTTPException) as error:
        return None, f"{type(error).__name__}: {error}"
    problem = "" if 200 <= answer.status < 300 else f"It answered {answer.status} {answer.reason}."
    return answer.status, problem


@contextmanager
def _connection(target: Target) -> Iterator[http.client.HTTPConnection]:
    """A connection to an address that was checked, whatever the host's name means by now.

    Redirects are not followed: they would lead somewhere that was not.
    """
    last: OSError | None = None
    for address in addresses.resolve(target):
        try:
            sock = socket.create_connection((address, target.port), timeout=TIMEOUT_S)
        except OSError as error:
            last = error
            continue
        connection = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_S)
        # Each word may come within the limit, and the answer never.
        ending = threading.Timer(DEADLINE_S, _end, (sock,))
        ending.start()
        try:
            connection.sock = _secured(sock, target) if target.scheme == "https" else sock
            yield connection
        finally:
            ending.cancel()
            connection.close()
            sock.close()
        return
    raise last or OSError("The host has no address.")


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _secured(sock: socket.socket, target: Target) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)


def body_of(delivery: Delivery) -> bytes:
    """What is sent. The same every time, so that a receiver tells repeats by it."""
    event, hook = delivery.event, delivery.webhook
    project = hook.project
    told = {
        "delivery": delivery.pk,
        "event": event.kind,
        "happened_at": event.happened_at.isoformat(),
        "project": f"{project.workspace.slug}/{project.slug}",
        "text": _line(event, hook),
        "run": _run(event, hook),
        "detail": event.detail,
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode()


def _run(event: RunEvent, hook: Webhook) -> dict[str, Any] | None:
    if event.run is None:
        return None
    return {"id": event.run.pk, "name": event.run.name, "url": _link(event, hook)}


def _link(event: RunEvent, hook: Webhook) -> str:
    return f"{hook.site.rstrip('/')}/runs/{event.run_id}/"


def _line(event: RunEvent, hook: Webhook) -> str:
    """What chat servers show of it."""
    title = telling.title_of(event)
    return title if event.run is None else f"{title}: {_link(event, hook)}"


def signature(secret: str, body: bytes) -> str:
    """What proves that a body came from here and was not changed."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
