"""Views in the page of a run table."""

import pytest

from experiments.models import SavedView
from tests import factories

pytestmark = pytest.mark.django_db
TABLE = "/p/lab/sinusoid/"


@pytest.fixture
def signed_in(client):
    lab = factories.make_workspace("lab", ada="member", vera="viewer")
    factories.make_run(factories.make_project(lab, "sinusoid"), "r0")

    def sign_in(name):
        client.force_login(factories.make_user(name))
        return client

    return sign_in


def test_a_view_is_saved_listed_and_removed(signed_in):
    client = signed_in("ada")

    saved = client.post(
        f"{TABLE}views/", {"name": "By name", "query": "sort=name&dir=asc"}, follow=True
    )

    assert saved.redirect_chain == [(f"{TABLE}?sort=name&dir=asc", 302)]
    page = saved.content.decode()
    assert "The view “By name” is saved" in page
    assert 'href="?sort=name&amp;dir=asc"' in page
    view = SavedView.objects.get()
    removed = client.post(f"{TABLE}views/{view.pk}/remove/", follow=True).content.decode()
    assert "The view “By name” is removed" in removed
    assert not SavedView.objects.exists()


def test_a_refusal_is_said_over_the_table_as_it_was(signed_in):
    client = signed_in("ada")

    refused = client.post(f"{TABLE}views/", {"name": " ", "query": "sort=name"}, follow=True)

    assert "Use 1 to 100 printable characters." in refused.content.decode()
    assert refused.redirect_chain == [(f"{TABLE}?sort=name", 302)]


def test_viewers_use_views_and_save_none(signed_in):
    signed_in("ada").post(f"{TABLE}views/", {"name": "By name", "query": "sort=name"})
    client = signed_in("vera")

    page = client.get(TABLE).content.decode()

    assert 'href="?sort=name"' in page
    assert "data-save-view" not in page
    assert "Remove the view" not in page
    assert client.post(f"{TABLE}views/", {"name": "x", "query": ""}).status_code == 403
