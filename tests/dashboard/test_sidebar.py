"""The list of projects beside every page."""

import pytest

from dashboard.templatetags import shell
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("runs", "shown"), [(0, "new"), (1, "1"), (3, "3"), (4, "3+")])
def test_runs_are_counted_up_to_a_bound(client, monkeypatch, runs, shown):
    monkeypatch.setattr(shell, "MOST_COUNTED", 3)
    project = factories.make_project(factories.make_workspace("lab", ada="viewer"), "one")
    for _ in range(runs):
        factories.make_run(project)
    factories.make_run(project, archived_at="2026-01-01T00:00:00Z")
    client.force_login(factories.make_user("ada"))

    page = client.get("/queue/").content.decode()

    assert f'<span class="clip">one</span><span class="n">{shown}</span>' in page
