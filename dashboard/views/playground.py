"""The playground: a trained initialisation adapted in the browser, to points of the reader."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from dashboard.playground import MOST_BESIDE, choices, sines, starts
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from experiments import initialisations
from experiments.errors import NotFound
from experiments.models import Run


@require_safe
def page(request: SignedIn, run_id: str) -> HttpResponse:
    """`?with=ID&with=ID`: beside these runs of the project; the newest pretrained one otherwise."""
    run = run_of(request, run_id)
    wanted = request.GET.getlist("with") if "with" in request.GET else None
    found = choices(run, wanted)
    context = {"run": run, "project": run.project, "choices": found, "most": MOST_BESIDE}
    try:
        shown = starts(run, [one.run for one in found if one.is_shown])
    except NotFound:
        return render(request, "dashboard/playground_none.html", context)
    data = {"starts": [one.plain() for one in shown], "sines": sines(run)}
    return render(request, "dashboard/playground.html", {**context, "starts": shown, "data": data})


@require_safe
def newest(request: SignedIn) -> HttpResponse:
    """The playground of the newest run that has one."""
    mine = Run.objects.visible_to(request.user).filter(archived_at=None, deleted_at=None)
    run = initialisations.having_one(mine).order_by("-id").first()
    if run is None:
        return render(request, "dashboard/playground_none.html")
    return redirect("run_playground", run.pk)
