"""Runs over REST: made, listed, filtered, edited, ended."""

import json

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from experiments.api.v1.run_shapes import RunOutput
from experiments.models import Role, Run, RunTag, User
from tests import factories
from tests.api.conftest import error_of

RUNS = "/api/v1/runs/"


def post(client, path, body):
    return client.post(path, body, format="json")


def test_a_run_comes_back_as_it_was_sent(lab):
    body = {
        "project": "lab/sinusoid",
        "name": "mine",
        "params": {"lr": 0.1, "net": {"hidden": [40, 40], "bias": True, "name": None}},
        "tags": ["b", "a"],
        "notes": "line\nline",
        "group": "g",
        "seed": 2**40,
        "environment": {"python": "3.11"},
        "command": "python train.py",
    }

    made = post(lab.member, RUNS, body).json()
    read = lab.viewer.get(f"{RUNS}{made['id']}/").json()

    assert made == read
    assert read["params"] == body["params"]
    assert read["tags"] == ["a", "b"]
    assert (read["status"], read["number"], read["created_by"]) == ("running", 1, "ada")
    assert (read["seed"], read["job"], read["snapshot"]) == (2**40, None, None)
    environment = lab.viewer.get(f"{RUNS}{made['id']}/environment/").json()
    assert environment == {"environment": {"python": "3.11"}}


def test_a_client_that_was_out_of_reach_says_when_its_run_began_and_ended(lab):
    body = {"project": "lab/sinusoid", "started_at": "2026-01-02T03:04:05Z"}
    made = post(lab.member, RUNS, body).json()
    assert made["started_at"] == "2026-01-02T03:04:05Z"
    assert made["created_at"] > "2026-01-03"

    ended = {"finished_at": "2026-01-02T05:04:05+01:00"}
    done = post(lab.member, f"{RUNS}{made['id']}/finish/", ended).json()
    assert done["finished_at"] == "2026-01-02T04:04:05Z"


def test_a_clients_time_that_cannot_be_counts_as_now(lab):
    before = timezone.now()
    body = {"project": "lab/sinusoid", "started_at": "2999-01-02T03:04:05Z"}
    run = Run.objects.get(pk=post(lab.member, RUNS, body).json()["id"])
    assert before <= run.started_at <= timezone.now()

    post(lab.member, f"{RUNS}{run.pk}/finish/", {"finished_at": "2026-01-02T03:04:05Z"})
    run.refresh_from_db()
    assert run.finished_at == run.started_at  # no run ends before it begins


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"started_at": 1767323045}, "started_at"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"name": 3}, "name"),
        ({"seed": "1"}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"tags": "a"}, "tags"),
        ({"tags": [1]}, "tags[0]"),
        ({"tags": [""]}, "tags[0]"),
        ({"params": []}, "params"),
        ({"params": {"a": {"": 1}}}, "params.a."),
        ({"notes": None}, "notes"),
        ({"status": "completed"}, "status"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\u0007"}, "name"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(lab, change, field):
    response = post(lab.member, RUNS, {"project": "sinusoid", **change})

    assert response.status_code == 400
    assert list(error_of(response)["fields"]) == [field]
    assert not Run.objects.exists()


def test_a_project_must_be_named_clearly(lab):
    factories.make_project(factories.make_workspace("second", ada="member"), "sinusoid")

    ambiguous = post(lab.member, RUNS, {"project": "sinusoid"})
    missing = post(lab.member, RUNS, {})
    unknown = post(lab.member, RUNS, {"project": "lab/nothing"})
    clear = post(lab.member, RUNS, {"project": "second/sinusoid"})

    assert "write 'workspace/sinusoid'" in error_of(ambiguous)["message"]
    assert (ambiguous.status_code, missing.status_code, unknown.status_code) == (400, 400, 404)
    assert all("project" in error_of(one)["fields"] for one in (ambiguous, missing, unknown))
    assert clear.json()["project"] == "second/sinusoid"


class TestFilters:
    @pytest.fixture
    def runs(self, lab):
        project = lab.project
        other = factories.make_project(lab.workspace, "other")
        foreign = factories.make_project(factories.make_workspace("elsewhere"))
        made = [
            factories.make_run(project, "alpha", tags=["x", "y"], params={"lr": 0.1}),
            factories.make_run(project, "beta", status="failed", tags=["x"], group="g"),
            factories.make_run(project, "gamma", status="completed", params={"lr": 0.5}),
            factories.make_run(other, "delta"),
            factories.make_run(foreign, "foreign"),
        ]
        Run.objects.filter(name="gamma").update(archived_at="2026-01-01T00:00Z")
        return made

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", "delta beta alpha"),
            ("?project=sinusoid", "beta alpha"),
            ("?status=failed", "beta"),
            ("?status=failed,running", "delta beta alpha"),
            ("?tag=x", "beta alpha"),
            ("?tag=x&tag=y", "alpha"),
            ("?group=g", "beta"),
            ("?q=LPH", "alpha"),
            ("?archived=true", "gamma"),
            ("?archived=all", "delta gamma beta alpha"),
            ("?archived=all&filter=params.lr>%3D0.1", "gamma alpha"),
            ("?project=sinusoid&filter=params.lr<0.2 AND status%3Drunning", "alpha"),
            ("?project=sinusoid&sort=-params.lr", "alpha beta"),
            ("?project=sinusoid&sort=-name", "beta alpha"),
            ("?project=sinusoid&sort=-params.lr&filter=status%3Dfailed", "beta"),
            ("?project=sinusoid&sort=params.lr&archived=true", "gamma"),
        ],
    )
    def test_each_filter_keeps_what_it_says(self, lab, runs, query, names):
        found = lab.viewer.get(f"{RUNS}{query}").json()["results"]

        assert [run["name"] for run in found] == names.split()

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("?status=done", "status"),
            ("?archived=maybe", "archived"),
            ("?filter=status <", "filter"),
            ("?limit=0", "limit"),
            ("?limit=501", "limit"),
            ("?limit=x", "limit"),
            ("?cursor=x", "cursor"),
            ("?cursor=MTI", "cursor"),
            ("?sort=name", "sort"),
            ("?project=sinusoid&sort=colour", "sort"),
            ("?project=sinusoid&sort=name&tag=x", "tag"),
            ("?project=sinusoid&sort=name&archived=all", "archived"),
            ("?project=sinusoid&sort=name&cursor=IngiCg", "cursor"),
        ],
    )
    def test_a_bad_query_is_refused_at_its_name(self, lab, query, field):
        response = lab.viewer.get(f"{RUNS}{query}")

        assert response.status_code == 400
        assert list(error_of(response)["fields"]) == [field]


@pytest.mark.parametrize("sort", ["", "&sort=metrics.loss"])
def test_a_filter_that_cannot_be_read_is_refused_with_its_place_and_a_caret(lab, sort):
    response = lab.viewer.get(f"{RUNS}?project=sinusoid&filter=status%3Dfailed seed%3D1{sort}")

    assert response.status_code == 400
    error = error_of(response)
    assert error["position"] == 15
    assert error["caret"] == "status=failed seed=1\n" + " " * 14 + "^"


strange = st.lists(
    st.sampled_from(["seed", "params.x", "metrics.x(min)", "metrics.x(best)", "tags", "created"])
    | st.sampled_from(["=", "<", "~", "LIKE", "IN (", ")", "BETWEEN", "AND", "IS NULL", "NOT"])
    | st.sampled_from(["nan", "-inf", "1e19", "-9w", "0001-01-01", "\0", "'", "%"])
    | st.text(max_size=3),
    max_size=8,
).map(" ".join)


@given(filters=strange, sort=st.sampled_from(["number", "metrics.x", "params.x"]) | strange)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_filter_and_no_order_fails_the_server(lab, filters, sort):
    factories.make_run(lab.project)
    asked = {"project": "sinusoid", "filter": filters}

    for query in (asked, {**asked, "sort": sort}):
        response = lab.viewer.get(RUNS, query)
        assert response.status_code in (200, 400), query
        assert response.status_code == 200 or error_of(response)["fields"]


def test_lists_show_runs_as_they_are_shown_alone(lab):
    by_client = factories.make_run(
        lab.project, seed=-3, group="g", created_by=factories.make_user("max"), tags=["b", "a"],
        status="failed", status_reason="Out of memory", progress_step=3, progress_total=9,
        heartbeat_at="2026-01-02T03:04:05Z", params={}, color=14,
    )  # fmt: skip
    RunTag.objects.create(run=by_client, project=lab.project, name="mlflow.user", value="ada")
    runs = [
        by_client,
        factories.make_job(factories.make_run(lab.project)).run,
        factories.make_run(lab.project),
    ]
    for run in runs:
        run.refresh_from_db()

    answer = lab.viewer.get(f"{RUNS}?project=sinusoid&sort=number").json()["results"]

    assert answer == json.loads(JSONRenderer().render(RunOutput(runs, many=True).data))


def test_sorted_pages_follow_each_other(lab):
    for number in range(5):
        factories.make_run(lab.project, f"r{number}", params={"lr": -number} if number else {})

    names, address = [], f"{RUNS}?project=sinusoid&sort=params.lr&limit=2"
    while address:
        page = lab.viewer.get(address).json()
        names.append(" ".join(run["name"] for run in page["results"]))
        address = page["next"]

    assert names == ["r4 r3", "r2 r1", "r0"]


def test_editing_changes_what_is_given_and_nothing_else(lab):
    run = factories.make_run(lab.project, "a", tags=["x"], notes="n", group="g")

    edited = lab.member.patch(f"{RUNS}{run.pk}/", {"tags": ["y", "z"]}, format="json").json()

    assert (edited["name"], edited["notes"], edited["group"]) == ("a", "n", "g")
    assert edited["tags"] == ["y", "z"]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ({"opt": "adam"}, {"opt": {"name": "adam"}, "lr": 1}, "params.opt"),
        ({"opt": {"name": "adam"}}, {"opt": "adam"}, "params.opt"),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": 2}}, "params.a.b"),
        ({"a": {}}, {"a": {"b": 2}}, "params.a"),
    ],
)
def test_a_value_does_not_become_an_object_nor_the_reverse(lab, first, second, named):
    run = post(lab.member, RUNS, {"project": "sinusoid", "params": first}).json()
    path = f"{RUNS}{run['id']}/params/"

    for _ in range(2):
        refused = post(lab.member, path, {"params": second})
        assert (refused.status_code, list(error_of(refused)["fields"])) == (409, [named])
        assert post(lab.member, path, {"params": {**first, "more": 1}}).json()["params"] == {
            **first,
            "more": 1,
        }


def test_a_client_run_from_start_to_end(lab):
    run = post(lab.member, RUNS, {"project": "sinusoid"}).json()
    path = f"{RUNS}{run['id']}/"

    assert post(lab.member, f"{path}params/", {"params": {"lr": 1}}).json()["params"] == {"lr": 1}
    changed = post(lab.member, f"{path}params/", {"params": {"lr": 2}})
    assert (changed.status_code, error_of(changed)["code"]) == (409, "param_changed")
    assert post(lab.member, f"{path}heartbeat/", {}).status_code == 200
    done = post(lab.member, f"{path}finish/", {"summary": {"loss": 0.5}}).json()
    assert (done["status"], done["summary"]) == ("completed", {"loss": 0.5})
    again = post(lab.member, f"{path}finish/", {"status": "failed"})
    assert (again.status_code, error_of(again)["code"]) == (409, "run_already_finished")
    assert post(lab.member, f"{path}archive/", {}).json()["archived_at"] is not None
    assert post(lab.member, f"{path}unarchive/", {}).json()["archived_at"] is None


def test_the_exit_code_of_a_script_is_kept_until_its_run_goes_on(lab):
    run = post(lab.member, RUNS, {"project": "sinusoid"}).json()
    path = f"{RUNS}{run['id']}/"

    wrong = post(lab.member, f"{path}finish/", {"status": "failed", "exit_code": 256})
    assert "exit_code" in error_of(wrong)["fields"]
    post(lab.member, f"{path}finish/", {"status": "failed", "exit_code": 3})
    assert lab.member.get(path).json()["exit_code"] == 3
    page = Client()
    page.force_login(User.objects.get(username="ada"))
    shown = page.get(f"/runs/{run['id']}/").content.decode()
    assert '<dt>exit code</dt><dd class="mono">3</dd>' in shown
    assert post(lab.member, f"{path}resume/", {}).json()["exit_code"] is None


def test_an_action_needs_no_body_but_takes_no_unknown_one(lab):
    run = factories.make_run(lab.project)
    path = f"{RUNS}{run.pk}/heartbeat/"

    assert lab.member.post(path).status_code == 200
    assert "x" in error_of(post(lab.member, path, {"x": 1}))["fields"]
    assert lab.member.post(path, [1], format="json").status_code == 400


class TestSnapshots:
    def test_code_comes_back_byte_for_byte(self, lab):
        run = factories.make_run(lab.project)
        path = f"{RUNS}{run.pk}/snapshot/"

        made = post(
            lab.member,
            path,
            {
                "files": {"a/train.py": "print('ä')\n", "x.bin": {"base64": "AP8="}},
                "git_commit": "1f3c9b2",
                "patch": "diff\n",
            },
        )

        assert made.status_code == 201
        assert lab.viewer.get(path).json() == made.json()
        assert (made.json()["file_count"], made.json()["patch"]) == (2, True)
        files = lab.viewer.get(f"{path}files/").json()["results"]
        assert [(one["path"], one["size"]) for one in files] == [("a/train.py", 12), ("x.bin", 2)]
        text = lab.viewer.get(f"{path}file/?path=a/train.py").json()
        assert text == {"path": "a/train.py", "text": "print('ä')\n", "base64": None}
        assert lab.viewer.get(f"{path}file/?path=x.bin").json()["base64"] == "AP8="
        assert lab.viewer.get(f"{path}file/?path=no").status_code == 404

    def test_code_is_recorded_once(self, lab):
        path = f"{RUNS}{factories.make_run(lab.project).pk}/snapshot/"
        assert error_of(lab.viewer.get(path))["code"] == "no_snapshot"
        post(lab.member, path, {"files": {"a.py": "1"}})

        same = post(lab.member, path, {"files": {"a.py": "1"}})
        other = post(lab.member, path, {"files": {"a.py": "2"}})

        assert same.status_code == 201
        assert (other.status_code, error_of(other)["code"]) == (409, "snapshot_exists")

    def test_what_was_left_out_of_the_code_is_named_with_why(self, lab):
        path = f"{RUNS}{factories.make_run(lab.project).pk}/snapshot/"
        words = {"path": "words.json", "size": 5 << 20, "why": "larger than 1 MiB"}
        link = {"path": "a.py", "why": "a link", "size": None, "sha256": "a" * 64}
        body = {"files": {"t.py": "1"}, "left_out": [words, link], "left_out_more": 3}

        made = post(lab.member, path, body)

        assert made.json()["left_out"] == [link, {**words, "sha256": ""}]
        assert made.json()["left_out_more"] == 3
        assert lab.viewer.get(path).json() == made.json()

    @pytest.mark.parametrize(
        ("file", "field"),
        [
            ({"path": "../a", "why": "x"}, "left_out[0].path"),
            ({"path": "a", "why": "x\n"}, "left_out[0].why"),
            ({"path": "a", "why": "x", "sha256": "A"}, "left_out[0].sha256"),
            ({"path": "a", "why": "x", "size": -1}, "left_out[0].size"),
        ],
    )
    def test_what_names_no_file_left_out_is_refused(self, lab, file, field):
        run = factories.make_run(lab.project)
        body = {"files": {"t.py": "1"}, "left_out": [file]}

        response = post(lab.member, f"{RUNS}{run.pk}/snapshot/", body)

        assert response.status_code == 400
        assert list(error_of(response)["fields"]) == [field]
        run.refresh_from_db()
        assert run.snapshot is None

    @pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "", "a\\b"])
    def test_a_path_that_leaves_the_folder_is_refused(self, lab, path):
        run = factories.make_run(lab.project)

        response = post(lab.member, f"{RUNS}{run.pk}/snapshot/", {"files": {path: "x"}})

        assert response.status_code == 400

    @pytest.mark.parametrize("content", [1, None, {}, {"base64": "!"}, {"base64": 1}])
    def test_content_that_is_no_file_is_refused(self, lab, content):
        run = factories.make_run(lab.project)

        response = post(lab.member, f"{RUNS}{run.pk}/snapshot/", {"files": {"a": content}})

        assert list(error_of(response)["fields"]) == ["files.a"]


def test_the_log_is_read_from_where_one_stopped(lab):
    run = factories.make_run(lab.project)
    factories.make_log(run, "a\nb\nc\n")
    path = f"{RUNS}{run.pk}/log/"

    first = lab.viewer.get(f"{path}?limit=2").json()
    rest = lab.viewer.get(first["next"]).json()

    assert [line["text"] for line in first["results"]] == ["a", "b"]
    assert [line["text"] for line in rest["results"]] == ["c"]
    assert rest["next"] is None
    assert len(lab.viewer.get(f"{path}?contains=B").json()["results"]) == 1


def test_a_script_sends_its_console_lines(lab):
    path = f"{RUNS}{factories.make_run(lab.project).pk}/log/"
    batch = {"client": "box", "number": 0, "lines": ["12:00:00 INFO one", "12:00:01 ERROR two"]}

    first, again = post(lab.member, path, batch), post(lab.member, path, batch)
    refused = post(lab.member, path, {**batch, "number": 1, "lines": ["a\nb"]})
    used = post(lab.member, path, {**batch, "lines": ["other"]})

    assert first.json() == {"lines": 2, "duplicate": False}
    assert again.json() == {"lines": 2, "duplicate": True}
    assert (refused.status_code, list(error_of(refused)["fields"])) == (400, ["lines[0]"])
    assert (used.status_code, error_of(used)["code"]) == (409, "log_number_used")
    shown = lab.viewer.get(path).json()["results"]
    assert [line["text"] for line in shown] == batch["lines"]


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("metrics", {"client": "c", "number": 0, "points": [{"key": "a", "step": 0, "value": 1}]}),
        ("log", {"client": "c", "number": 0, "lines": ["a"]}),
        ("heartbeat", {}),
        (
            "evaluations",
            {"name": "test", "split": "test", "step": 1, "episode_ids": ["a"],
             "losses": [[1.0, 0.5]], "inner_steps": 1, "protocol": {}},
        ),
    ],
)  # fmt: skip
def test_whatever_a_crashed_run_sends_makes_it_running_again(lab, part, body):
    run = factories.make_run(lab.project, status="crashed")

    assert post(lab.member, f"{RUNS}{run.pk}/{part}/", body).status_code in (200, 201)

    shown = lab.viewer.get(f"{RUNS}{run.pk}/").json()
    assert (shown["status"], shown["finished_at"]) == ("running", None)
    assert shown["status_reason"].startswith("Heard of again")
    assert shown["heartbeat_at"] is not None


def test_a_member_of_several_workspaces_hears_how_a_new_project_is_named(lab):
    factories.make_workspace("other", ada=Role.MEMBER)

    answer = lab.member.post("/api/v1/projects/", {"slug": "trees"})

    message = 'Name one of your workspaces: lab, other. In a script: project="lab/trees".'
    assert answer.status_code == 400
    assert error_of(answer)["fields"] == {"workspace": [message]}
    for slug in (None, 5, [], "x" * 500):
        answer = lab.member.post("/api/v1/projects/", {"slug": slug}, format="json")
        assert answer.status_code == 400
        assert len(error_of(answer)["message"]) < 200
