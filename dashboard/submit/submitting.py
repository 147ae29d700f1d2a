"""Submitting what a form holds, once, however often it is sent."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from experiments import lifecycle
from experiments.models import IdempotencyRecord, Project, User

CREATED = 201
_NONCE = re.compile(r"[A-Za-z0-9-]{8,64}")


def submit_once(
    *, user: User, project: Project, nonce: str, body: Mapping[str, Any]
) -> tuple[str, ...]:
    """The ids of the runs that this form made: now, or when the same was sent before.

    `nonce` names the form that was shown; the same form with other content is another submission.
    The record is written in the transaction that creates the runs, so a refused form may be sent
    again. Raises what `lifecycle.submit_job` raises.
    """
    asked = {key: value for key, value in body.items() if key != "project"}
    if not _NONCE.fullmatch(nonce):
        return _submit(user, project, asked)
    text = json.dumps({**asked, "project": project.pk}, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        record, is_first = IdempotencyRecord.objects.get_or_create(
            user=user,
            key=f"form {nonce} {fingerprint[:16]}",
            defaults={"fingerprint": fingerprint, "status_code": CREATED, "body": {}},
        )
        if is_first:
            record.body = {"runs": list(_submit(user, project, asked))}
            record.save(update_fields=["body"])
    return tuple(record.body["runs"])


def _submit(user: User, project: Project, asked: Mapping[str, Any]) -> tuple[str, ...]:
    jobs = lifecycle.submit_job(project=project, user=user, **asked)
    return tuple(job.run_id for job in jobs)
