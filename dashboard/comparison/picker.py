"""Choosing what to compare: recent runs to tick, with those of the address ticked."""

from collections.abc import Sequence
from typing import Any

from dashboard.comparison.selection import LEAST, MOST, found_runs
from dashboard.requests import SignedIn
from experiments.models import Run

SHOWN = 50
LEAST_RECENT = 20  # beside however many that are chosen


def picker(request: SignedIn, names: Sequence[str]) -> dict[str, Any]:
    """Runs to choose from, the chosen first. Raises NotFound for an id that is not there."""
    chosen = list(found_runs(request, names[:MOST], documents=False).values())
    recent = (
        Run.objects.visible_to(request.user)
        .filter(archived_at=None)
        .exclude(pk__in=[run.pk for run in chosen])
        .select_related("project__workspace")
        .defer("params", "summary", "notes", "environment", "command")
        .order_by("-created_at", "-pk")
    )
    return {
        "chosen": chosen,
        "recent": list(recent[: max(LEAST_RECENT, SHOWN - len(chosen))]),
        "count": len(names),
        "too_many": len(names) > MOST,
        "one_only": len(names) == 1,
        "least": LEAST,
        "most": MOST,
    }
