"""Home: what runs, what there is, what needs a hand."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard import home_facts
from dashboard.live import render_live
from dashboard.requests import SignedIn
from dashboard.workers import unserved_queues, worker_views
from experiments.models import Job, Membership, Role
from experiments.models.jobs import JobStatus

WAITING_LOOKED_AT = 200


@require_safe
def home(request: SignedIn) -> HttpResponse:
    """The first page, and the answer to its live refresh."""
    context = _context(request)
    live = bool(context["running"] or context["waiting"])
    return render_live(request, "dashboard/home.html", context, live=live)


def _context(request: SignedIn) -> dict[str, Any]:
    user = request.user
    queued = Job.objects.filter(workspace__memberships__user=user, status=JobStatus.QUEUED)
    workers = worker_views()
    attention = home_facts.needs_attention(user)
    silent = [worker for worker in workers if not worker.is_live]
    unserved = unserved_queues(workers, list(queued.order_by("id")[:WAITING_LOOKED_AT]))
    roles = [Role(one) for one in user.memberships.values_list("role", flat=True)]
    return {
        "running": home_facts.running_jobs(user),
        "waiting": queued.count(),
        "cards": home_facts.project_cards(user),
        "attention": attention,
        "silent": silent,
        "unserved": unserved,
        "attention_count": len(attention) + len(silent) + len(unserved),
        "workers": workers,
        "live_workers": sum(worker.is_live for worker in workers),
        "editable": any(role.allows(Role.MEMBER) for role in roles),
        "editable_in": set(
            Membership.objects.filter(user=user)
            .exclude(role=Role.VIEWER)
            .values_list("workspace_id", flat=True)
        ),
    }
