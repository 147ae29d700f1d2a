"""Every list is paged, every page costs the same number of queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments import access, snapshots
from tests import factories
from tests.api.conftest import error_of

ROWS = 7


def fill(lab, rows):
    run = factories.make_run(lab.project)
    run.snapshot = snapshots.store(
        workspace=lab.workspace, files={f"{i}.py": b"x" for i in range(rows)}
    )
    run.save()
    factories.make_log(run, "".join(f"line {i}\n" for i in range(rows)))
    for i in range(rows):
        factories.make_member(lab.workspace, factories.make_user(f"user-{i}"))
        factories.make_workspace(f"space-{i}", ada="viewer")
        project = factories.make_project(lab.workspace, f"project-{i}")
        access.create_token(user=factories.make_user("ada"), name=str(i))
        factories.make_job(factories.make_run(project, status="queued", tags=["a", "b"]))
        factories.make_evaluation(run, step=i)
        factories.make_worker(f"box/{i}")
    factories.make_evaluation(run, step=1000, episodes=rows)
    return run


LISTS = [
    "tokens/",
    "workspaces/",
    "workspaces/lab/members/",
    "projects/",
    "runs/",
    "runs/{run}/snapshot/files/",
    "runs/{run}/log/",
    "runs/{run}/evaluations/",
    "evaluations/{evaluation}/episodes/",
    "jobs/",
    "workers/",
    "trainers/",
]


@pytest.fixture
def filled(lab):
    run = fill(lab, ROWS)
    lab.names = {
        "run": run.pk,
        "evaluation": run.evaluations.order_by("-step").first().pk,
    }
    return lab


@pytest.mark.parametrize("path", LISTS)
def test_pages_together_are_the_list_each_thing_once(filled, path):
    address = f"/api/v1/{path.format(**filled.names)}"
    whole = filled.member.get(f"{address}?limit=500").json()
    assert whole["next"] is None

    found, following = [], f"{address}?limit=2"
    while following:
        page = filled.member.get(following).json()
        assert 1 <= len(page["results"]) <= 2
        found += page["results"]
        following = page["next"]

    assert found == whole["results"]
    assert len(found) >= 6


BAD_LIMITS = ("0", "-1", "x", "", "99999999999999999999", "²")
# not base64, a float, null, a list, -1, a NUL character, a number beyond int64
BAD_CURSORS = (
    "x",
    "ä",
    "MS41",
    "bnVsbA",
    "W10",
    "LTEK",
    "Ilx1MDAwMCI",
    "OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
)


@pytest.mark.parametrize("path", LISTS)
def test_a_bad_limit_or_cursor_is_refused_at_its_name(filled, path):
    address = f"/api/v1/{path.format(**filled.names)}"

    for limit in BAD_LIMITS:
        response = filled.member.get(f"{address}?limit={limit}")
        assert response.status_code == 400, limit
        assert list(error_of(response)["fields"]) == ["limit"]
    for cursor in BAD_CURSORS:
        response = filled.member.get(f"{address}?cursor={cursor}")
        if response.status_code != 200:  # -1 is a place before everything where ids are numbers
            assert response.status_code == 400, cursor
            assert list(error_of(response)["fields"]) == ["cursor"]


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_page_costs_no_more_queries(filled, path):
    address = f"/api/v1/{path.format(**filled.names)}"
    filled.member.get(address)  # writes the token's last use, once a minute

    counts = []
    for limit in (2, 6):
        with CaptureQueriesContext(connection) as queries:
            assert filled.member.get(f"{address}?limit={limit}").status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 7


def test_rows_added_meanwhile_do_not_shift_the_pages(lab):
    for _ in range(4):
        factories.make_run(lab.project)
    first = lab.member.get("/api/v1/runs/?limit=2").json()

    factories.make_run(lab.project)
    second = lab.member.get(first["next"]).json()

    assert [run["number"] for run in first["results"] + second["results"]] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("path", "most"), [("runs/{run}/", 7), ("jobs/{job}/", 5), ("evaluations/{evaluation}/", 4)]
)
def test_one_thing_costs_a_fixed_number_of_queries(lab, path, most):
    run = factories.make_run(lab.project, tags=["a", "b", "c"])
    names = {
        "run": run.pk,
        "job": factories.make_job(run, status="running").pk,
        "evaluation": factories.make_evaluation(run).pk,
    }
    lab.member.get("/api/v1/users/me/")  # writes the token's last use, once a minute

    with CaptureQueriesContext(connection) as queries:
        assert lab.member.get(f"/api/v1/{path.format(**names)}").status_code == 200

    assert len(queries) <= most, [query["sql"] for query in queries]
