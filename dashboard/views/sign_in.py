"""Signing in by password or by a one-time link, and signing out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from experiments import access, audit
from experiments.models.audit import Action

SESSION_BACKEND = "django.contrib.auth.backends.ModelBackend"


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    """The password form, and words about the link that `./run` prints."""

    template_name = "dashboard/sign_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        audit.record(Action.SIGNED_IN, form.get_user().get_username(), by="password")
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        audit.record_failed_sign_in(form.data.get("username", ""))
        return super().form_invalid(form)


@never_cache
@require_GET
@login_not_required
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Signs the link's user in, once. A browser that only prefetches uses nothing up."""
    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
        return HttpResponse(status=204)
    user = access.use_sign_in_link(secret)
    if user is None:
        return render(request, "dashboard/sign_in_link_used.html", status=410)
    login(request, user, backend=SESSION_BACKEND)
    audit.record(Action.SIGNED_IN, user.username, by="link")
    return redirect(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    audit.record(Action.SIGNED_OUT, request.user.get_username())
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect(settings.LOGIN_URL)
