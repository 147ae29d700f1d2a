"""Comments on a run: written and removed on its page."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.requests import SignedIn
from dashboard.scope import editable_run
from experiments import access, comments
from experiments.errors import Invalid, NotFound
from experiments.models import Role, Run


@require_POST
def write(request: SignedIn, run_id: str) -> HttpResponse:
    """Adds what was written; a refusal keeps it in the answer's message."""
    run = editable_run(request, run_id)
    made = comments.comment(
        run,
        user=request.user,
        text=request.POST.get("text", ""),
        metric=request.POST.get("metric", "").strip(),
        step=_step(request.POST.get("step", "")),
    )
    messages.success(request, "Your comment is on the page.")
    return redirect(f"{_page(run)}#comment-{made.pk}")


def _step(text: str) -> int | None:
    text = text.strip().replace(",", "")
    if not text:
        return None
    try:
        return int(text[:30])
    except ValueError:
        problem = "Use a whole number."
        raise Invalid(f"step: {problem}", fields={"step": [problem]}) from None


@require_POST
def remove(request: SignedIn, run_id: str, comment_id: int) -> HttpResponse:
    run = editable_run(request, run_id)
    role = access.require(request.user, run.project, Role.MEMBER)
    rows = run.comments.select_related("author", "run__project")
    found = rows.filter(pk=comment_id).first()
    if found is None:
        raise NotFound("There is no such comment any more. Reload the page.")
    comments.remove(found, user=request.user, role=role)
    messages.success(request, "The comment is removed.")
    return redirect(f"{_page(run)}#comments")


def _page(run: Run) -> str:
    return reverse("run", args=[run.pk])
