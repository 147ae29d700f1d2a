"""Comments on the page of a run, and on its curves."""

import pytest

from experiments import comments
from experiments.models import Comment
from tests import factories
from tests.dashboard.compared_runs import compared_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    lab = factories.make_workspace("lab", ada="member", vera="viewer", max="admin")
    return compared_runs(factories.make_project(lab, "sinusoid"))[0]


@pytest.fixture
def sign_in(client):
    def sign_in(name):
        client.force_login(factories.make_user(name))
        return client

    return sign_in


def test_a_comment_is_written_shown_and_removed(sign_in, run):
    client = sign_in("ada")

    told = {"text": "**Odd**, @vera", "metric": "train/query_loss", "step": "40"}
    page = client.post(f"/runs/{run.pk}/comments/", told, follow=True)

    made = Comment.objects.get()
    assert page.redirect_chain[0][0] == f"/runs/{run.pk}/#comment-{made.pk}"
    shown = page.content.decode()
    assert "<strong>Odd</strong>" in shown
    assert "step 40" in shown
    removed = client.post(f"/runs/{run.pk}/comments/{made.pk}/remove/", follow=True)
    assert "The comment is removed." in removed.content.decode()


def test_a_comment_on_a_point_is_a_mark_on_its_curve(sign_in, run):
    text = "<b>here</b>"
    comments.comment(
        run, user=factories.make_user("ada"), text=text, metric="train/query_loss", step=40
    )
    client = sign_in("vera")

    def marks(query):
        figure = client.get(f"/runs/{run.pk}/charts/curve/?{query}").json()["figure"]
        return [one for one in figure["data"] if one.get("name") == "comments"]

    [mark] = marks("key=train/query_loss")
    assert (mark["x"], mark["text"]) == ([40], ["ada: &lt;b&gt;here&lt;/b&gt;"])
    assert marks("key=train/query_loss&first=100&last=150") == []
    assert marks("key=train/grad_norm") == []
    assert marks("key=train/query_loss&x=relative") == []


def test_what_cannot_be_said_is_refused(sign_in, run):
    client = sign_in("ada")

    for told in ({"text": " "}, {"text": "x", "step": "four"}, {"text": "x", "metric": "no"}):
        assert client.post(f"/runs/{run.pk}/comments/", told).status_code == 400
    assert not Comment.objects.exists()


def test_viewers_read_comments_and_write_none(sign_in, run):
    made = comments.comment(run, user=factories.make_user("ada"), text="Odd.")
    client = sign_in("vera")

    page = client.get(f"/runs/{run.pk}/").content.decode()

    assert "Odd." in page
    assert "data-comment " not in page
    assert client.post(f"/runs/{run.pk}/comments/", {"text": "x"}).status_code == 403
    assert client.post(f"/runs/{run.pk}/comments/{made.pk}/remove/").status_code == 403


def test_hostile_comments_show_as_text(sign_in, run):
    comments.comment(
        run, user=factories.make_user("ada"), text="<script>alert(1)</script> [x](javascript:a)"
    )

    page = sign_in("vera").get(f"/runs/{run.pk}/").content.decode()

    assert "<script>alert" not in page
    assert 'href="javascript' not in page
