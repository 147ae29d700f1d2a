"""Named states of a project's run table, for all who see the project.

A view belongs to who saved it: that member and the project's admins replace and remove it.
"""

from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from experiments import search
from experiments.errors import Conflict, Denied, Invalid
from experiments.models import Project, Role, SavedView, User
from experiments.problems import unprintable

LONGEST_NAME = 100
LONGEST = 8_000
MOST = 200  # of a project
# What the run table reads from its address. A page and a selection are of the moment.
KEPT = ("q", "status", "sort", "dir", "col", "limit", "archived", "nest",
        "group", "baseline", "pin", "better", "w",
        "zoom", "zoomy", "logy", "wide", "pane", "rel", "rx", "ry")  # fmt: skip
DROPPED = ("offset", "selected", "open", "order", "move")


def save(
    project: Project, *, user: User, role: Role, name: str, query: str
) -> tuple[SavedView, bool]:
    """Keeps a state of the table under a name, and whether the name is new.

    The view that the user (an admin: anybody) saved under it before is replaced. `role`: in which
    the user acts in the project. `query`: what the table's address has after the "?". Raises
    Invalid, or Conflict when somebody else's view has the name.
    """
    name, query = _name(name), _query(project, query)
    with transaction.atomic():
        kept = SavedView.objects.select_for_update().filter(project=project, name=name).first()
        if kept is None:
            return _create(project, user, name, query), True
        if not may_change(kept, user, role):
            by = kept.created_by.username if kept.created_by else "somebody who left"
            raise Conflict(
                f"{by} saved a view of this name: choose another.",
                code="name_taken",
                fields={"name": ["Choose another name."]},
            )
        kept.query = query
        kept.changed_at = Now()
        kept.save(update_fields=["query", "changed_at"])
    kept.refresh_from_db()
    return kept, False


def remove(view: SavedView, *, user: User, role: Role) -> None:
    """Raises Denied unless the user saved it or is an admin of the project."""
    if not may_change(view, user, role):
        raise Denied("Only who saved a view, and admins, remove it.")
    view.delete()


def may_change(view: SavedView, user: User, role: Role | None) -> bool:
    """Whether a user of this role in the project may replace and remove the view."""
    if role is None or not role.allows(Role.MEMBER):
        return False
    return role == Role.ADMIN or view.created_by_id == user.pk


def _create(project: Project, user: User, name: str, query: str) -> SavedView:
    if project.saved_views.count() >= MOST:
        raise Conflict(f"This project has {MOST} views: remove one first.", code="too_many")
    try:
        with transaction.atomic():
            view = SavedView.objects.create(
                project=project, name=name, query=query, created_by=user
            )
    except IntegrityError:
        raise Conflict(
            "Somebody saved a view of this name just now: choose another.",
            code="name_taken",
            fields={"name": ["Choose another name."]},
        ) from None
    view.refresh_from_db()
    return view


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or unprintable(name):
        problem = f"Use 1 to {LONGEST_NAME} printable characters."
        raise Invalid(f"name: {problem}", fields={"name": [problem]})
    return name


def _query(project: Project, query: str) -> str:
    """Checked, without what is of the moment."""
    if len(query) > LONGEST:
        raise _bad_query(f"Use at most {LONGEST:,} characters.")
    if unprintable(query):
        raise _bad_query("Write it as in an address, with %-escapes.")
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    for key, value in pairs:
        if key not in KEPT and key not in DROPPED:
            raise _bad_query(f"{key[:60]!r} is none of {', '.join(KEPT)}.")
        if key == "q":
            _check_filter(project, value)
    return urlencode([(key, value) for key, value in pairs if key in KEPT and value])


def _check_filter(project: Project, text: str) -> None:
    try:
        search.parse(text, project=project)
    except Invalid as error:
        raise _bad_query(error.message) from error


def _bad_query(problem: str) -> Invalid:
    return Invalid(f"query: {problem}", fields={"query": [problem]})
