"""Comments of a run as its page shows them, and as marks on its curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from django.utils.safestring import SafeString

from dashboard.charts.marks import Remark, remarks
from dashboard.markdown import render
from experiments import comments
from experiments.models import Comment, Role, Run, User
from experiments.shapes import SeriesView

SHOWN = 200
MOST_MARKS = 100
HOVER = 120  # characters


@dataclass(frozen=True)
class CommentRow:
    comment: Comment
    html: SafeString
    removable: bool


def comment_rows(run: Run, user: User, role: Role | None) -> list[CommentRow]:
    """The latest comments, the oldest of them first."""
    latest = run.comments.select_related("author").order_by("-pk")[:SHOWN]
    return [
        CommentRow(one, render(one.text), comments.may_remove(one, user, role))
        for one in reversed(latest)
    ]


def marks_of(run: Run, views: Sequence[SeriesView]) -> list[go.Scatter]:
    """A mark for each comment on a point of these curves, drawn against steps."""
    known = {view.key: view for view in views if len(view.x)}
    rows = run.comments.select_related("author").filter(metric__in=known, step__isnull=False)
    found = [
        remark
        for one in rows.order_by("-pk")[:MOST_MARKS]
        if (remark := _remark(one, known[one.metric])) is not None
    ]
    return remarks(found)


def _remark(comment: Comment, view: SeriesView) -> Remark | None:
    """At the height of the curve there; None outside of what is drawn."""
    assert comment.step is not None
    if not view.x[0] <= comment.step <= view.x[-1]:
        return None
    place = min(int(np.searchsorted(view.x, comment.step)), len(view.x) - 1)
    height = float(view.last[place] if view.counts[place] == 1 else view.mean[place])
    if not np.isfinite(height):
        return None
    by = comment.author.username if comment.author else "somebody"
    return Remark(comment.step, height, f"{by}: {comment.text[:HOVER]}")
