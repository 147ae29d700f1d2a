"""The page of one episode of an evaluation."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.episodes.opened import opened
from dashboard.episodes.query import EpisodesQuery
from dashboard.requests import SignedIn
from dashboard.scope import run_of


@require_safe
def page(request: SignedIn, run_id: str) -> HttpResponse:
    """`?evaluation=ID&episode=ID&of=loss|accuracy&k=1`: the episode after k inner steps."""
    run = run_of(request, run_id)
    query = EpisodesQuery.of(request, run)
    found = opened(query, request.GET.get("episode", ""))
    sources = {
        name: reverse(name, args=[run.pk]) + query.query(episode=found.id)
        for name in ("run_episode_curve", "run_episode_fit")
    }
    return render(
        request,
        "dashboard/episode.html",
        {
            "run": run,
            "project": run.project,
            "episodes": query,
            "opened": found,
            "curve_src": sources["run_episode_curve"],
            "fit_src": sources["run_episode_fit"],
        },
    )
