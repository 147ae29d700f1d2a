"""The runs that an address under /compare/ names, and its words."""

from collections.abc import Sequence

from rest_framework.request import Request

from experiments.api.auth import seen
from experiments.errors import Invalid, NotFound
from experiments.models import Run

LEAST, MOST = 2, 100


def runs_asked(request: Request, *, least: int = LEAST, most: int = MOST) -> list[Run]:
    """The runs of `?runs=a,b`, in that order. Raises Invalid, and NotFound naming one that is
    missing or not the caller's to see."""
    text = request.query_params.get("runs", "")
    ids = list(dict.fromkeys(part for part in text.split(",") if part))
    if not least <= len(ids) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        raise invalid("runs", f"Name {count} runs, separated by commas.")
    found = Run.objects.filter(seen(request), pk__in=ids).select_related("project").in_bulk()
    missing = next((run_id for run_id in ids if run_id not in found), None)
    if missing is not None:
        message = f"There is no run {missing[:40]!r} that you can see."
        raise NotFound(message, fields={"runs": [message]})
    return [found[run_id] for run_id in ids]


def choice(request: Request, name: str, known: Sequence[str], usual: str) -> str:
    """One of a few words of the query string. Raises Invalid naming all."""
    text = request.query_params.get(name)
    if text is None:
        return usual
    if text not in known:
        raise invalid(name, f"Use one of {', '.join(known)}.")
    return text


def invalid(field: str, message: str) -> Invalid:
    """What is wrong with a parameter."""
    return Invalid(f"{field}: {message}", fields={field: [message]})
