"""What the debugging tab of a run's page shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.debugging.classes import ClassResults, class_results
from dashboard.debugging.distributions import Distributions, distributions, histogram_keys
from dashboard.debugging.layers import kinds_of, layer_norms
from dashboard.debugging.moment import Moment, moment_of
from dashboard.debugging.origins import also_first, origins
from dashboard.episodes.tables import MOST_ROWS, ChartTable
from dashboard.metric_names import TELLING, headline
from dashboard.panels import Panel, panel_groups
from dashboard.requests import SignedIn
from dashboard.scope import LAST_STEP, number_in
from dashboard.templatetags.formats import figures
from experiments import reading
from experiments.models import Run
from experiments.shapes import SeriesSummary
from experiments.spikes import Spike, spikes

PACE = ("lr", "learning_rate", "per_s", "per_second", "throughput")
MOST_PANELS = 6
MOST_COLUMNS = 12


@dataclass(frozen=True)
class Layers:
    """The norms of one kind: their figure and the numbers behind it."""

    kind: str
    src: str
    table: ChartTable
    left_out: int

    @property
    def height(self) -> int:
        return min(120 + 22 * len(self.table.rows), 640)


@dataclass(frozen=True)
class Distribution:
    """Histograms of one key over steps, and the keys that have some."""

    key: str
    keys: list[str]
    src: str
    table: ChartTable


def debugging_tab(
    request: SignedIn, run: Run, summaries: Mapping[str, SeriesSummary]
) -> dict[str, Any]:
    """Origins, spikes of a metric, the moment that the address names, layers and pace."""
    losses = [key for key in summaries if any(word in key.lower() for word in TELLING)]
    asked = request.GET.get("key", "")
    key = asked if asked in summaries else _watched(losses) or headline(summaries, "") or ""
    found = origins(summaries)
    return {
        "origins": found,
        "also_first": also_first(found),
        "losses": losses,
        "spiking": key,
        "spikes": _spikes(run, key),
        "moment": _moment(request, run, key),
        "layers": [_layers(run, kind) for kind in kinds_of(list(summaries))],
        "distribution": _distribution(request, run),
        "classes": _classes(request, run),
        "pace": [(panel, panel.src(run.pk)) for panel in _pace(summaries)],
    }


def moment_href(key: str, step: int) -> str:
    """The tab at a point of a metric."""
    return "?" + urlencode({"tab": "debug", "key": key, "at": step}) + "#moment"


def _watched(keys: list[str]) -> str:
    """The loss that is logged while training: spikes are of it."""
    return next((key for key in keys if "train" in key and "loss" in key), "")


def _spikes(run: Run, key: str) -> list[tuple[Spike, str]]:
    """A metric's spikes, each with its address. Of accuracies a fall would be one, not a rise."""
    if not key or "acc" in key.lower():
        return []
    return [(one, moment_href(key, one.step)) for one in spikes(*reading.all_points(run.pk, key))]


def _moment(request: SignedIn, run: Run, key: str) -> Moment | None:
    if not request.GET.get("at") or not key:
        return None
    step = number_in(request, "at", default=0, least=-LAST_STEP, most=LAST_STEP)
    return moment_of(run.pk, key, step)


def _distribution(request: SignedIn, run: Run) -> Distribution | None:
    """The histograms of the key that the address names, or of the first; None without any."""
    keys = histogram_keys(run)
    if not keys:
        return None
    asked = request.GET.get("of", "")
    key = asked if asked in keys else keys[0]
    src = f"{reverse('run_distribution', args=[run.pk])}?{urlencode({'of': key})}"
    return Distribution(key, keys, src, _distribution_table(distributions(run, key)))


def _classes(request: SignedIn, run: Run) -> ClassResults | None:
    """The confusion matrix that the address names, else the last of the first key."""
    step = number_in(request, "class_step", default=LAST_STEP, least=-LAST_STEP, most=LAST_STEP)
    return class_results(run, request.GET.get("classes", ""), step)


def _distribution_table(found: Distributions | None) -> ChartTable:
    """A row a step: quartiles and ends, by the histogram's bins."""
    columns = ("step", "values", "least", "25 %", "median", "75 %", "most", "not finite")
    if found is None:
        return ChartTable(columns, ())
    kept = slice(-MOST_ROWS, None)
    rows = tuple(
        (f"{step:,}", count, *map(figures, quantiles), bad)
        for step, count, quantiles, bad in zip(
            found.steps[kept].tolist(),
            found.counts[kept].tolist(),
            found.quantiles()[kept].tolist(),
            found.nonfinite[kept].tolist(),
            strict=True,
        )
    )
    return ChartTable(columns, rows)


def _layers(run: Run, kind: str) -> Layers:
    src = f"{reverse('run_layers', args=[run.pk])}?kind={kind}"
    found = layer_norms(run.pk, kind)
    if found is None:
        return Layers(kind, src, ChartTable((), ()), 0)
    last = slice(-MOST_COLUMNS, None)
    columns = ("layer", *(f"step {step:,}" for step in found.steps[last].tolist()))
    rows = tuple(
        (layer, *map(figures, row[last]))
        for layer, row in zip(found.layers, found.norms.tolist(), strict=True)
    )
    return Layers(kind, src, ChartTable(columns, rows), found.left_out)


def _pace(summaries: Mapping[str, SeriesSummary]) -> list[Panel]:
    """Learning rate and throughput."""
    found = [one for key, one in summaries.items() if _is_pace(key.lower())]
    return [panel for group in panel_groups(found) for panel in group.panels][:MOST_PANELS]


def _is_pace(key: str) -> bool:
    name = key.rpartition("/")[2]
    return any(name == word or name.endswith(f"_{word}") or word in name[2:] for word in PACE)
