"""Figures of a run's debugging tab, as JSON."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.charts.distribution_heat import distribution_heat
from dashboard.charts.layer_norms import layer_heat
from dashboard.debugging.distributions import Distributions, distributions
from dashboard.debugging.layers import KINDS, layer_norms
from dashboard.requests import SignedIn
from dashboard.scope import run_of
from dashboard.views.chart_answer import chart_answer


@require_safe
def layers(request: SignedIn, run_id: str) -> HttpResponse:
    """`?kind=gradients|weights|activations`: norms by layer and step."""
    run = run_of(request, run_id)
    asked = request.GET.get("kind")
    kind = next((one for one in KINDS if one == asked), KINDS[0])
    found = layer_norms(run.pk, kind)
    if found is None:
        sentence = f"No norms of {kind}: the client's watch records them."
        return chart_answer(None, empty=sentence, live=not run.is_finished)
    drawn = f"{len(found.layers)} layers at {len(found.steps):,} steps"
    note = f"{drawn}; ✕: not finite for the first time."
    if found.left_out:
        note += f" {found.left_out} more layers are not drawn."
    figure = layer_heat(found.layers, found.steps, found.norms, found.first_bad)
    return chart_answer(figure, live=not run.is_finished, note=note)


@require_safe
def distribution(request: SignedIn, run_id: str) -> HttpResponse:
    """`?of=weights/conv1.weight`: the histograms of a key by step."""
    run = run_of(request, run_id)
    key = request.GET.get("of", "")
    found = distributions(run, key)
    if found is None:
        sentence = f"No histogram of {key[:200]!r} can be drawn."
        return chart_answer(None, empty=sentence, live=not run.is_finished)
    note = f"{len(found.steps):,} histograms of {int(found.counts.max()):,} values."
    if found.left_out:
        note += f" {found.left_out:,} more are not drawn."
    if bad := int(found.nonfinite.sum()):
        note += f" {bad:,} values were not finite, first at step {_first_bad(found):,}."
    figure = distribution_heat(found.steps, found.edges, found.shares, found.counts)
    return chart_answer(figure, live=not run.is_finished, note=note)


def _first_bad(found: Distributions) -> int:
    return int(found.steps[found.nonfinite > 0][0])
