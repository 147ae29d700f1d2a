"""Sections of the compare page that are asked for alone, each a page of its own, too."""

import re

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.comparison.code_section import code_section
from dashboard.comparison.console_section import console_section
from dashboard.comparison.param_tree import param_tree
from dashboard.comparison.selection import selection_of
from dashboard.media.section import media_section
from dashboard.requests import SignedIn
from experiments.comparing import params as compared_params

WHOLE = re.compile(r"\d{1,6}", re.ASCII)


def _whole(text: str) -> int:
    return int(text) if WHOLE.fullmatch(text) else 0


@require_safe
def params(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&search=lr&from=200`: the params, or to htmx the lines that follow; `lines`: at
    least so many, such as the reader has by now."""
    selection = selection_of(request)
    found = compared_params.compare(selection.runs, baseline=selection.baseline_place)
    start, least = (_whole(request.GET.get(name, "")) for name in ("from", "lines"))
    tree = param_tree(selection, found, start=start, least=least)
    rows_alone = "HX-Request" in request.headers and "from" in request.GET
    template = (
        "dashboard/compare/_param_rows.html" if rows_alone else "dashboard/compare/params.html"
    )
    return render(request, template, {"selection": selection, "params": tree})


@require_safe
def code(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&old=a&new=b&file=train.py`: which files differ, and one of them in two runs."""
    selection = selection_of(request, documents=request.GET.get("code") == "command")
    context = {
        "selection": selection,
        "code": code_section(selection),
        "live": selection.is_live,
    }
    return render(request, "dashboard/compare/code.html", context)


@require_safe
def console(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&old=a&new=b`: what two runs printed, aligned."""
    selection = selection_of(request, documents=False)
    context = {"selection": selection, "console": console_section(selection)}
    return render(request, "dashboard/compare/console.html", context)


@require_safe
def media(request: SignedIn) -> HttpResponse:
    """`?runs=a,b&mstep=100`: what the runs showed at or near a step, side by side."""
    selection = selection_of(request, documents=False)
    context = {"selection": selection, "media": media_section(selection)}
    return render(request, "dashboard/compare/media.html", context)
