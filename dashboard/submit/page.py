"""Everything that the submit page shows around its form."""

from typing import Any

from dashboard.submit import choices
from dashboard.submit.api_request import curl, python
from dashboard.submit.bases import Trainers
from dashboard.submit.job_form import JobForm
from experiments.errors import Invalid
from experiments.models import User


def page_context(user: User, trainers: Trainers, form: JobForm, *, key: str) -> dict[str, Any]:
    """What can be chosen, the preview's samples, and the equivalent request.

    `key` is the idempotency key of the form as shown.
    """
    return {
        "form": form,
        "key": key,
        "algorithms": choices.algorithms(trainers, form.algorithm, form.source),
        "sources": choices.sources(trainers[form.algorithm], form.source),
        "presets": choices.presets(trainers[form.algorithm]),
        "projects": choices.projects(user),
        "queues": choices.queues(user, form.options["queue"]),
        "priorities": form.priorities,
        "samples": choices.samples(form.source),
        "meta": _meta(form, key),
        **_request_text(form, key),
    }


def _meta(form: JobForm, key: str) -> dict[str, Any]:
    """What the page's script knows of the form beyond its fields."""
    return {
        "algorithm": form.algorithm,
        "fixed": form.spec_fields.fixed,
        "key": key,
        "options": dict(form.first_options),
    }


def _request_text(form: JobForm, key: str) -> dict[str, Any]:
    """The request as text; why there is none while the form cannot be sent."""
    try:
        body = form.body
    except Invalid as error:
        return {"curl": error.message, "python": error.message, "count": 0}
    return {"curl": curl(body, key), "python": python(body, key), "count": len(body["seeds"])}
