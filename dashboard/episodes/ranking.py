"""Episodes in the order of how badly they went."""

from dataclasses import dataclass

import numpy as np
from django.urls import reverse

from dashboard.episodes.query import EpisodesQuery
from dashboard.templatetags.formats import figures
from experiments import reading
from experiments.shapes import FloatArray, IntArray

WORST = 10


@dataclass(frozen=True)
class EpisodeRow:
    """One episode: its rank (1 is the worst of `count`) and its values as texts."""

    id: str
    rank: int
    count: int
    before: str
    after: str
    last: str
    is_answered: bool  # its predictions are kept
    href: str


def badness(values: FloatArray, metric: str) -> FloatArray:
    """Larger is worse; what is not finite is worst of all."""
    signed = -values if metric == "accuracy" else values
    return np.asarray(np.where(np.isfinite(values), signed, np.inf))


def worst_first(query: EpisodesQuery) -> IntArray:
    """Places of all episodes. Those alike by accuracy are in the order of their losses."""
    bad = badness(query.values, query.metric)
    losses = badness(query.episodes.losses[:, query.inner_step], "loss")
    return np.lexsort((-losses, -bad))


def worst_rows(query: EpisodesQuery) -> list[EpisodeRow]:
    """The worst episodes after the inner step."""
    kept = reading.answered(query.evaluation)
    order = worst_first(query)
    return [_row(query, int(place), rank, kept) for rank, place in enumerate(order[:WORST], 1)]


def _row(query: EpisodesQuery, place: int, rank: int, kept: set[str]) -> EpisodeRow:
    episode_id = query.episodes.ids[place]
    values = query.table[place]
    return EpisodeRow(
        id=episode_id,
        rank=rank,
        count=len(query.episodes.ids),
        before=value_text(float(values[0]), query.metric),
        after=value_text(float(values[query.inner_step]), query.metric),
        last=value_text(float(values[-1]), query.metric),
        is_answered=episode_id in kept,
        href=episode_href(query, episode_id),
    )


def episode_href(query: EpisodesQuery, episode_id: str, **more: str) -> str:
    """The page of one episode of an evaluation."""
    page = reverse("run_episode", args=[query.evaluation.run_id])
    return page + query.query(**more, episode=episode_id)


def value_text(value: float, metric: str) -> str:
    """A loss, or an accuracy in percent."""
    if metric == "accuracy" and np.isfinite(value):
        return f"{100 * value:.4g} %"
    return figures(value)
