"""The inbox, and what of a project reaches it and webhooks."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.paging import Page
from dashboard.requests import SignedIn
from dashboard.scope import project_of
from experiments import access, inbox, webhooks
from experiments.errors import DomainError, NotFound
from experiments.models import Delivery, EventKind, Project, Role, Webhook
from experiments.webhooks import addresses

MOST_DELIVERIES = 50


@require_safe
def listed(request: SignedIn) -> HttpResponse:
    """The newest first; `?unread=1` leaves out what was read."""
    rows = inbox.of_user(request.user).select_related("project__workspace", "run")
    only_unread = request.GET.get("unread") == "1"
    if only_unread:
        rows = rows.filter(read_at=None)
    context = {
        "page": Page.of(request, rows.order_by("-pk")),
        "unread": inbox.unread_count(request.user),
        "only_unread": only_unread,
    }
    return render(request, "dashboard/notifications/list.html", context)


@require_POST
def read(request: SignedIn) -> HttpResponse:
    """Marks all as read, or `id=` and goes to the run it is about."""
    number = request.POST.get("id", "")
    if not number:
        inbox.mark_read(request.user)
        return redirect("notifications")
    rows = inbox.of_user(request.user).select_related("run")
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    found = rows.filter(pk=int(number)).first() if is_number else None
    if found is None:
        raise NotFound("There is no such notification any more. Reload the page.")
    inbox.mark_read(request.user, [found.pk])
    if found.run is None:
        return redirect("notifications")
    there = redirect("run", found.run.pk)
    if found.comment_id is not None:
        there["Location"] += f"#comment-{found.comment_id}"
    return there


@never_cache
@require_http_methods(["GET", "POST"])
def rules(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """What I hear of a project; for its admins, also its webhooks and what was sent there."""
    found = project_of(request, workspace, project)
    if request.method == "POST":
        kinds = request.POST.getlist("kind")
        only_mine = request.POST.get("only_mine") == "1"
        inbox.watch(found, request.user, kinds=kinds, only_mine=only_mine)
        messages.success(request, "Saved: this is what you hear of from now on.")
        return redirect("project_notifications", workspace, project)
    return _page(request, found)


def _page(request: SignedIn, project: Project, *, status: int = 200, **more: Any) -> HttpResponse:
    watch = inbox.watch_of(project, request.user)
    is_admin = access.role_in(request.user, project) == Role.ADMIN
    context = {
        "project": project,
        "watch": watch,
        "kinds": [(kind, kind.label, kind in watch.kinds) for kind in EventKind],
        "is_admin": is_admin,
        **(_sent(project) if is_admin else {}),
        **more,
    }
    return render(request, "dashboard/notifications/rules.html", context, status=status)


def _sent(project: Project) -> dict[str, Any]:
    hooks = project.webhooks.select_related("created_by").order_by("pk")
    sent = Delivery.objects.filter(webhook__project=project).select_related("webhook", "event__run")
    latest = sent.order_by("-pk")[:MOST_DELIVERIES]
    return {
        "hooks": [(hook, addresses.shown(hook.url)) for hook in hooks],
        "deliveries": [(one, addresses.shown(one.webhook.url)) for one in latest],
    }


def _administered(request: SignedIn, workspace: str, project: str) -> Project:
    found = project_of(request, workspace, project)
    access.require(request.user, found, Role.ADMIN)
    return found


@never_cache
@require_POST
def add_webhook(request: SignedIn, workspace: str, project: str) -> HttpResponse:
    """Makes a webhook and shows its secret this once."""
    found = _administered(request, workspace, project)
    try:
        hook, secret = webhooks.create(
            found,
            user=request.user,
            url=request.POST.get("url", ""),
            kinds=request.POST.getlist("kind"),
            site=request.build_absolute_uri("/"),
        )
    except DomainError as error:
        return _page(request, found, status=400, error=error, values=request.POST)
    return _page(request, found, secret=secret, made=hook)


@require_POST
def remove_webhook(
    request: SignedIn, workspace: str, project: str, webhook_id: int
) -> HttpResponse:
    webhooks.remove(_hook(request, workspace, project, webhook_id))
    messages.success(request, "The webhook is removed: nothing is sent there any more.")
    return redirect("project_notifications", workspace, project)


@require_POST
def ping_webhook(request: SignedIn, workspace: str, project: str, webhook_id: int) -> HttpResponse:
    """Has a worker send a test."""
    webhooks.ping(_hook(request, workspace, project, webhook_id))
    messages.success(request, "A test is on its way: reload in a few seconds to see how it went.")
    return redirect("project_notifications", workspace, project)


@require_POST
def send_again(request: SignedIn, workspace: str, project: str, delivery_id: int) -> HttpResponse:
    found = _administered(request, workspace, project)
    delivery = Delivery.objects.filter(webhook__project=found, pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery any more. Reload the page.")
    webhooks.send_again(delivery)
    messages.success(request, "It is sent again: reload in a few seconds to see how it went.")
    return redirect("project_notifications", workspace, project)


def _hook(request: SignedIn, workspace: str, project: str, webhook_id: int) -> Webhook:
    found = _administered(request, workspace, project)
    hook = found.webhooks.select_related("project").filter(pk=webhook_id).first()
    if hook is None:
        raise NotFound("There is no such webhook any more. Reload the page.")
    return hook
