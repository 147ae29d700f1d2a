"""What the adaptation tab of a run's page shows beside its adaptation curve."""

from typing import Any

from django.urls import reverse

from dashboard.episodes.inner_rates import inner_rates
from dashboard.episodes.optimizer_race import race_lines, race_of, race_rows, race_table
from dashboard.episodes.query import EpisodesQuery
from dashboard.episodes.ranking import worst_rows
from dashboard.episodes.tables import (
    gap_table,
    inner_rates_table,
    over_training_table,
    spread_of_episodes,
    spread_table,
)
from dashboard.requests import SignedIn
from experiments import initialisations, reading
from experiments.models import Evaluation, Run


def adaptation_tab(request: SignedIn, run: Run, evaluation: Evaluation | None) -> dict[str, Any]:
    """The episodes of the chosen evaluation, and what became of adaptation over meta-training."""
    if evaluation is None:
        return {}
    query = EpisodesQuery.about(request, evaluation)
    found = reading.over_training(run.pk, metric=query.metric)
    race = race_of(run)
    gaps = reading.gaps(run.pk, metric=query.metric, inner_step=query.inner_step)
    return {
        "episodes": query,
        "worst": worst_rows(query),
        "spread_table": spread_table(spread_of_episodes(query)),
        "histogram_src": _src("run_episodes", run, query),
        "over_training_table": over_training_table(found),
        "over_training_src": _src("run_over_training", run, query),
        "validated_at": found.steps.tolist(),
        "at_step_src": _src("run_at_step", run, query),
        "rates_table": inner_rates_table(rates := inner_rates(run.pk)),
        "rates_at": rates.steps.tolist() if rates else [],
        "rates_src": _src("run_inner_rates", run, query),
        "has_initialisation": initialisations.having_one(Run.objects.filter(pk=run.pk)).exists(),
        "race": race,
        "race_rows": race_rows(race) if race else [],
        "race_table": race_table(race_lines(race, run.color_slot)) if race else None,
        "race_src": reverse("run_optimizers", args=[run.pk]),
        "gap_table": gap_table(gaps),
        "gap_src": _src("run_gap", run, query),
    }


def _src(name: str, run: Run, query: EpisodesQuery) -> str:
    return reverse(name, args=[run.pk]) + query.query()
