"""Idempotency-Key: a create that is sent twice happens once.

The answer is stored in the transaction that creates the thing, so there is never one without the
other. Refused requests store nothing: the same key may be used for the corrected one.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.auth import caller
from experiments.api.json import StrictJSONRenderer
from experiments.errors import Conflict, Invalid
from experiments.models import IdempotencyRecord, User

LIFETIME = timedelta(hours=24)
LONGEST_KEY = 255
MOST_DELETED = 1_000  # of those that are too old, by one request
HEADER = "Idempotency-Key"

View = TypeVar("View")
Method = Callable[..., Response]


def idempotent(*, secret: str = "") -> Callable[[Method], Method]:
    """Makes a view's `post` one transaction that honours an Idempotency-Key.

    `secret` names a field of the answer that is shown once: a replay has null there.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                with transaction.atomic():
                    return method(view, request, *args, **kwargs)
            _check_key(key)
            print_ = fingerprint(request)
            try:
                with transaction.atomic():
                    return _first_or_replay(
                        key, print_, request, secret, lambda: method(view, request, *args, **kwargs)
                    )
            except _Taken:
                return _replay_of_rival(caller(request), key, print_)

        return once

    return decorate


class _Taken(Exception):
    """Somebody stored this key between our look and our insert."""


def _first_or_replay(
    key: str, print_: str, request: Request, secret: str, create: Callable[[], Response]
) -> Response:
    user = caller(request)
    now = timezone.now()
    old = IdempotencyRecord.objects.filter(created_at__lt=now - LIFETIME)
    # What another request is deleting is left to it.
    free = old.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
    IdempotencyRecord.objects.filter(pk__in=list(free[:MOST_DELETED])).delete()
    record = IdempotencyRecord.objects.filter(user=user, key=key).first()
    if record is not None:
        return _replay(record, print_)
    try:
        with transaction.atomic():
            # Inserted first: on a database with concurrent writers, a rival waits here.
            record = IdempotencyRecord.objects.create(
                user=user, key=key, fingerprint=print_, status_code=0, body={}
            )
    except IntegrityError:
        raise _Taken from None
    response = create()
    stored = json.loads(StrictJSONRenderer().render(response.data))
    record.body = {**stored, secret: None} if secret else stored
    record.status_code = response.status_code
    record.save(update_fields=["body", "status_code"])
    return response


def _replay_of_rival(user: User, key: str, print_: str) -> Response:
    record = IdempotencyRecord.objects.filter(user=user, key=key).first()
    if record is None:
        raise Conflict(
            "Another request with this Idempotency-Key is being answered: try again.",
            code="idempotency_key_in_use",
        )
    return _replay(record, print_)


def _replay(record: IdempotencyRecord, print_: str) -> Response:
    if record.fingerprint != print_:
        raise Conflict(
            "This Idempotency-Key was used for another request in the last 24 hours: "
            "use a new key for a new request.",
            code="idempotency_key_reused",
        )
    return Response(record.body, status=record.status_code, headers={"Idempotent-Replay": "true"})


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        message = f"Use 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID."
        raise Invalid(f"{HEADER}: {message}", fields={HEADER: [message]})


def fingerprint(request: Request) -> str:
    """SHA-256 of what was asked: method, path and the body's value (spacing does not matter)."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    text = f"{request.method} {request.path}\n{body}"
    return hashlib.sha256(text.encode()).hexdigest()
