"""Saved views: kept as the table has them, changed by who saved them, refused with the field."""

import pytest

from experiments import access, saved_views
from experiments.errors import Conflict, Denied, Invalid
from experiments.models import SavedView
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    lab = factories.make_workspace("lab", ada="member", bob="member", max="admin", vera="viewer")
    return factories.make_project(lab, "sinusoid")


def save(project, name="best", query="", user="ada"):
    return saved_views.save(project, name=name, query=query, **acting(project, user))


def acting(project, name):
    user = factories.make_user(name)
    return {"user": user, "role": access.role_in(user, project)}


def test_page_and_selection_are_not_kept(project):
    view, is_new = save(
        project, query="?q=params.lr+%3C+0.1&sort=metrics.loss&dir=asc&col=name&col=params.lr"
        "&offset=50&selected=a,b&wide=loss&status=",
    )  # fmt: skip

    assert is_new
    assert view.query == (
        "q=params.lr+%3C+0.1&sort=metrics.loss&dir=asc&col=name&col=params.lr&wide=loss"
    )


def test_the_same_name_replaces_ones_own(project):
    first, _ = save(project, query="sort=name")
    second, is_new = save(project, name=" best ", query="sort=seed")

    assert (second.pk, second.query, is_new) == (first.pk, "sort=seed", False)


def test_somebody_elses_name_is_taken_except_for_admins(project):
    save(project, query="sort=name")

    with pytest.raises(Conflict, match="ada saved a view of this name"):
        save(project, query="sort=seed", user="bob")
    view, is_new = save(project, query="sort=seed", user="max")

    assert (view.query, view.created_by.username, is_new) == ("sort=seed", "ada", False)


@pytest.mark.parametrize(("user", "allowed"), [("ada", True), ("bob", False), ("max", True)])
def test_who_saved_it_and_admins_remove_it(project, user, allowed):
    view, _ = save(project)

    if allowed:
        saved_views.remove(view, **acting(project, user))
    else:
        with pytest.raises(Denied):
            saved_views.remove(view, **acting(project, user))
    assert SavedView.objects.exists() is not allowed


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"query": "colour=red"}, "query"),
        ({"query": "q=params.lr+%3C"}, "query"),
        ({"query": "q=" + "x" * 8_000}, "query"),
        ({"query": "q=a%00b+%3D+1\0"}, "query"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(project, change, field):
    with pytest.raises(Invalid) as refused:
        save(project, **change)

    assert list(refused.value.fields) == [field]
    assert not SavedView.objects.exists()


def test_a_project_keeps_so_many(project, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 1)
    save(project)
    save(project, query="sort=name")  # replaces

    with pytest.raises(Conflict, match="remove one first"):
        save(project, name="another")
