"""Comments on runs and points, and whom they reach."""

import numpy as np
import pytest

from experiments import access, comments, inbox, recording
from experiments.errors import Denied, Invalid
from experiments.models import AuditEntry, Comment, Membership, Notification, Role
from experiments.shapes import SeriesPoints
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    lab = factories.make_workspace(
        "lab", ada=Role.MEMBER, vera=Role.VIEWER, max=Role.ADMIN, otto=Role.MEMBER
    )
    factories.make_workspace("elsewhere", sam=Role.ADMIN)
    project = factories.make_project(lab)
    otto = Membership.objects.get(user__username="otto")
    access.set_project_role(project, otto, "none")
    run = factories.make_run(project, "maml")
    steps = np.arange(3, dtype=np.int64)
    points = SeriesPoints("train/loss", steps, np.ones(3), np.ones(3))
    recording.record(run_id=run.pk, client="c", number=0, series=[points])
    return run


def user(name):
    return factories.make_user(name)


def test_a_comment_is_about_a_run_or_a_point(run):
    comments.comment(run, user=user("ada"), text="Odd.")
    comments.comment(run, user=user("ada"), text="Here.", metric="train/loss", step=2)

    found = list(Comment.objects.order_by("pk").values_list("metric", "step", "text"))
    assert found == [("", None, "Odd."), ("train/loss", 2, "Here.")]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "x", "metric": "other"}, "metric"),
        ({"text": "x", "step": 2}, "metric"),
        ({"text": "x", "metric": "train/loss", "step": 2**63}, "step"),
    ],
)
def test_a_comment_that_cannot_be_names_its_field(run, told, field):
    with pytest.raises(Invalid) as refused:
        comments.comment(run, user=user("ada"), **told)

    assert field in refused.value.fields


def test_members_who_are_mentioned_hear_of_it_once(run):
    comments.comment(
        run, user=user("ada"), text="@vera, see @max. Again @vera; mail me@sam @ada @nobody"
    )

    told = Notification.objects.order_by("user__username").values_list("user__username", "kind")
    assert list(told) == [("max", "mention"), ("vera", "mention")]
    assert inbox.of_user(user("vera")).get().title == "ada mentions you on maml"


def test_nobody_who_may_not_see_the_run_hears_of_it(run):
    comments.comment(run, user=user("ada"), text="@sam @otto")

    assert not Notification.objects.exists()


def test_its_author_and_admins_remove_a_comment(run):
    made = comments.comment(run, user=user("ada"), text="@vera x")

    with pytest.raises(Denied):
        comments.remove(made, user=user("vera"), role=Role.VIEWER)
    with pytest.raises(Denied):
        comments.remove(made, user=user("otto"), role=Role.MEMBER)
    comments.remove(made, user=user("max"), role=Role.ADMIN)

    assert not Notification.objects.exists()  # what told of it went along
    assert AuditEntry.objects.get(action="comment.removed").details["by"] == "ada"


def test_reading_marks_what_was_read_and_nothing_of_others(run):
    for text in ("@vera @max a", "@vera b"):
        comments.comment(run, user=user("ada"), text=text)
    first = inbox.of_user(user("vera")).order_by("pk").first()

    assert inbox.mark_read(user("max"), [first.pk]) == 0
    assert inbox.mark_read(user("vera"), [first.pk]) == 1
    assert inbox.unread_count(user("vera")) == 1
    assert inbox.mark_read(user("vera")) == 1
    assert inbox.unread_count(user("max")) == 1
