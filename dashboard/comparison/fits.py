"""The paper's Figure 2 for several runs: the same episodes, side by side."""

from dataclasses import dataclass

from django.urls import reverse

from dashboard.charts.sinusoid_fits import SinusoidFit, sinusoid_fits
from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Compared, Selection
from experiments.models import Evaluation


@dataclass(frozen=True)
class FitRow:
    """One illustrated episode: each run that illustrates it, and where its picture comes from."""

    episode: str
    pictures: tuple[tuple[Compared, str], ...]


def fit_rows(selection: Selection, evaluated: Evaluated) -> list[FitRow]:
    """The illustrated episodes, in the order of the first run that has them."""
    fits = fits_of(selection, evaluated)
    episodes = dict.fromkeys(one for run_id in selection.ids for one in fits.get(run_id, ()))
    there = reverse("compare_fit")
    return [
        FitRow(
            episode,
            tuple(
                (
                    one,
                    there
                    + selection.chart_query(
                        evaluation=evaluated.name, run=one.run.pk, episode=episode
                    ),
                )
                for one in selection.compared
                if episode in fits.get(one.run.pk, ())
            ),
        )
        for episode in episodes
    ]


def fits_of(selection: Selection, evaluated: Evaluated) -> dict[str, dict[str, SinusoidFit]]:
    """The illustrated episodes of each run by their id."""
    chosen = [one.pk for one in evaluated.present.values()]
    rows = Evaluation.objects.filter(pk__in=chosen, illustration__isnull=False)
    return {
        run_id: {fit.episode_id: fit for fit in sinusoid_fits(illustration)}
        for run_id, illustration in rows.values_list("run_id", "illustration")
    }


def shared_range(
    fits: dict[str, dict[str, SinusoidFit]], episode: str, drawn: list[Compared]
) -> tuple[float, float] | None:
    """One y range for an episode's pictures, from the true curves and support points of all, with
    room around: a fit that flies off is cut, not the others flattened."""
    values = [
        value
        for one in drawn
        if (fit := fits.get(one.run.pk, {}).get(episode)) is not None
        for value in (*fit.true, *fit.support_y)
    ]
    if not values:
        return None
    room = max(0.6 * (max(values) - min(values)), 0.5)
    return min(values) - room, max(values) + room
