"""Every address × method × caller, against a table. An address without a row fails.

A row is (address, method, body, answers to anonymous, viewer, member, admin, stranger). What
callers with a role of their own in a project, or with a token of less scope, get follows from it.
"""

import io
import json

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver

from experiments import (
    access,
    artifacts,
    comments,
    files,
    initialisations,
    lifecycle,
    recording,
    reports,
    saved_views,
    short_links,
    snapshots,
    uploads,
    webhooks,
)
from experiments.api.v1 import urls
from experiments.api.v1.initialisations import EXAMPLE
from experiments.mlflow import registering
from experiments.mlflow.registering import MadeOf
from experiments.models import Project, Role
from experiments.registry import catalog
from tests import factories
from tests.api.conftest import error_of, give_own_roles

CALLERS = ("anonymous", "viewer", "member", "admin", "stranger")
# Addresses that are of no project: a role of one's own in a project changes nothing there.
OF_NO_PROJECT = ("users/", "invitations/", "tokens/", "workspaces/", "workers/", "trainers/",
                 "distributions/", "schema/", "docs/", "models/", "notifications/",
                 "links/")  # fmt: skip
# The registry is the workspace's; what a version is made of is a project's.
MADE_IN_A_PROJECT = {("models/lab/net/versions/", "POST"),
                     ("models/lab/net/versions/1/files/", "GET"),
                     ("models/lab/net/versions/1/files/content/?path=a.txt", "GET")}  # fmt: skip
# Who may write to one project may send files for it.
OF_ANY_PROJECT = ("workspaces/lab/blobs/",)
ACCOUNT = {("users/me/", "PATCH"), ("tokens/", "POST"), ("tokens/{token}/", "DELETE"),
           ("workspaces/", "POST"), ("invitations/accept/", "POST")}  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Who gets what. The order is that of CALLERS.
READ = (401, 200, 200, 200, 404)
WRITE = (401, 403, 200, 200, 404)
CREATE = (401, 403, 201, 201, 404)
ADMIN_CREATE = (401, 403, 403, 201, 404)
ADMIN_WRITE = (401, 403, 403, 200, 404)
ADMIN_REMOVE = (401, 403, 403, 204, 404)
MINE = (401, 200, 200, 200, 200)
REMOVE = (401, 403, 204, 204, 404)
OPEN = (200, 200, 200, 200, 200)

EVALUATION = {
    "name": "other", "split": "test", "step": 1, "episode_ids": ["a"], "losses": [[1.0, 0.5]],
    "inner_steps": 1, "protocol": {},
}  # fmt: skip
SHA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of b"a"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ARTIFACT = {
    "project": "lab/sinusoid", "name": "new", "files": [{"path": "b.txt", "sha256": SHA}],
}  # fmt: skip
POINTS = {"client": "c", "number": 0, "series": [{"key": "loss", "steps": [0], "values": [1.0]}]}

WEBHOOK = {"url": "https://example.com/hook", "kinds": ["failed"]}

TABLE = [
    ("users/me/", "GET", None, MINE),
    ("users/me/", "PATCH", {"palette": "safe"}, MINE),
    ("links/", "POST", {"address": "/compare/?runs=a,b"}, (401, 201, 201, 201, 201)),
    ("links/{short}/", "GET", None, MINE),
    ("tokens/", "GET", None, MINE),
    ("tokens/", "POST", {"name": "new"}, (401, 201, 201, 201, 201)),
    ("tokens/{token}/", "DELETE", None, (401, 404, 204, 404, 404)),
    ("workspaces/", "GET", None, MINE),
    ("workspaces/", "POST", {"slug": "new", "name": "New"}, (401, 201, 201, 201, 201)),
    ("workspaces/lab/", "GET", None, READ),
    ("workspaces/lab/", "PATCH", {"name": "Labs"}, ADMIN_WRITE),
    ("workspaces/lab/members/", "GET", None, READ),
    ("workspaces/lab/members/", "POST", {"username": "sam", "role": "viewer"}, ADMIN_CREATE),
    ("workspaces/lab/members/ada/", "GET", None, READ),
    ("workspaces/lab/members/ada/", "PATCH", {"role": "member"}, ADMIN_WRITE),
    ("workspaces/lab/members/ada/", "DELETE", None, ADMIN_REMOVE),
    ("workspaces/lab/audit/", "GET", None, ADMIN_WRITE),
    ("workspaces/lab/invitations/", "GET", None, ADMIN_WRITE),
    ("workspaces/lab/invitations/", "POST", {"role": "viewer"}, ADMIN_CREATE),
    ("workspaces/lab/invitations/{invitation}/", "DELETE", None, ADMIN_REMOVE),
    ("invitations/accept/", "POST", {"secret": "{secret}"}, (401, 409, 409, 409, 200)),
    ("projects/", "GET", None, MINE),
    ("projects/", "POST", {"workspace": "lab", "slug": "new"}, CREATE),
    ("projects/lab/sinusoid/", "GET", None, READ),
    ("projects/lab/sinusoid/", "PATCH", {"name": "Sine"}, WRITE),
    ("projects/lab/old/", "DELETE", None, (401, 403, 403, 204, 404)),
    ("projects/lab/sinusoid/restore/", "POST", {}, ADMIN_WRITE),
    ("projects/lab/sinusoid/access/", "GET", None, READ),
    ("projects/lab/sinusoid/access/vera/", "PUT", {"role": "member"}, ADMIN_WRITE),
    ("projects/lab/sinusoid/access/rita/", "DELETE", None, ADMIN_REMOVE),
    ("projects/lab/sinusoid/watch/", "GET", None, READ),
    ("projects/lab/sinusoid/watch/", "PUT", {"kinds": ["failed"]}, READ),
    ("projects/lab/sinusoid/webhooks/", "GET", None, ADMIN_WRITE),
    ("projects/lab/sinusoid/webhooks/", "POST", WEBHOOK, ADMIN_CREATE),
    ("projects/lab/sinusoid/webhooks/{webhook}/", "DELETE", None, ADMIN_REMOVE),
    ("projects/lab/sinusoid/webhooks/{webhook}/deliveries/", "GET", None, ADMIN_WRITE),
    ("projects/lab/sinusoid/webhooks/{webhook}/ping/", "POST", {}, ADMIN_WRITE),
    ("notifications/", "GET", None, MINE),
    ("notifications/read/", "POST", {}, MINE),
    ("projects/lab/sinusoid/views/", "GET", None, READ),
    ("projects/lab/sinusoid/views/", "POST", {"name": "new", "query": "sort=name"}, CREATE),
    ("projects/lab/sinusoid/views/{view}/", "GET", None, READ),
    ("projects/lab/sinusoid/views/{view}/", "DELETE", None, ADMIN_REMOVE),
    ("reports/", "GET", None, MINE),
    ("reports/", "POST", {"project": "lab/sinusoid", "title": "T"}, CREATE),
    ("reports/{report}/", "GET", None, READ),
    ("reports/{report}/", "PATCH", {"version": 1, "text": "x"}, WRITE),
    ("reports/{report}/", "DELETE", None, ADMIN_REMOVE),
    ("reports/{report}/versions/", "GET", None, READ),
    ("reports/{report}/versions/1/", "GET", None, READ),
    ("reports/{report}/links/", "GET", None, WRITE),
    ("reports/{report}/links/", "POST", {"days": 1}, CREATE),
    ("reports/{report}/links/{link}/", "DELETE", None, REMOVE),
    ("runs/", "GET", None, MINE),
    ("runs/", "POST", {"project": "lab/sinusoid"}, CREATE),
    ("runs/groups/?project=lab/sinusoid&by=status", "GET", None, READ),
    ("runs/export/?project=lab/sinusoid", "GET", None, READ),
    ("runs/{run}/", "GET", None, READ),
    ("runs/{run}/", "PATCH", {"tags": ["a"]}, WRITE),
    ("runs/{run}/", "DELETE", None, (401, 403, 204, 204, 404)),
    ("runs/{run}/restore/", "POST", {}, WRITE),
    ("runs/{trashed}/erase/", "POST", {}, ADMIN_REMOVE),
    ("runs/{run}/params/", "POST", {"params": {"new": 1}}, WRITE),
    ("runs/{run}/summary/", "POST", {"summary": {"loss": 1}}, WRITE),
    ("runs/{run}/environment/", "GET", None, READ),
    ("runs/{run}/environment/", "PUT", {"environment": {}}, WRITE),
    ("runs/{run}/snapshot/", "GET", None, READ),
    ("runs/{bare}/snapshot/", "POST", {"files": {"a.py": "a"}}, CREATE),
    ("runs/{run}/snapshot/files/", "GET", None, READ),
    ("runs/{run}/snapshot/file/?path=train.py", "GET", None, READ),
    ("runs/{run}/log/", "GET", None, READ),
    ("runs/{run}/log/", "POST", {"client": "c", "number": 0, "lines": ["a"]}, WRITE),
    ("runs/{run}/evaluations/", "GET", None, READ),
    ("runs/{run}/evaluations/", "POST", EVALUATION, CREATE),
    ("runs/{run}/finish/", "POST", {}, WRITE),
    ("runs/{run}/cancel/", "POST", {}, WRITE),
    ("runs/{run}/heartbeat/", "POST", {}, WRITE),
    ("runs/{done}/resume/", "POST", {}, WRITE),
    ("runs/{done}/archive/", "POST", {}, WRITE),
    ("runs/{done}/unarchive/", "POST", {}, WRITE),
    ("runs/{run}/files/", "GET", None, READ),
    ("runs/{run}/files/content/?path=a.txt", "GET", None, READ),
    ("runs/{run}/files/content/?path=b.txt", "PUT", None, WRITE),
    ("runs/{run}/files/content/?path=a.txt", "DELETE", None, (401, 403, 204, 204, 404)),
    ("runs/{run}/alerts/", "GET", None, READ),
    ("runs/{run}/initialisation/", "GET", None, READ),
    ("runs/{run}/comments/", "GET", None, READ),
    ("runs/{run}/comments/", "POST", {"text": "x"}, CREATE),
    ("runs/{run}/comments/{comment}/", "DELETE", None, ADMIN_REMOVE),
    ("runs/{run}/artifacts/", "GET", None, READ),
    ("runs/{run}/artifacts/", "POST", {"version": "{version}"}, WRITE),
    ("workspaces/lab/blobs/missing/", "POST", {"sha256": [SHA]}, WRITE),
    (f"workspaces/lab/blobs/{SHA}/", "GET", None, WRITE),
    (f"workspaces/lab/blobs/{EMPTY}/", "PUT", None, WRITE),
    ("artifacts/", "GET", None, MINE),
    ("artifacts/", "POST", ARTIFACT, CREATE),
    ("artifacts/{artifact}/", "GET", None, READ),
    ("artifacts/{artifact}/", "PATCH", {"description": "x"}, WRITE),
    ("artifacts/{artifact}/", "DELETE", None, REMOVE),
    ("artifacts/{artifact}/versions/", "GET", None, READ),
    ("artifacts/{artifact}/aliases/best/", "PUT", {"version": 1}, WRITE),
    ("artifacts/{aliased}/aliases/old/", "DELETE", None, REMOVE),
    ("artifact-versions/{version}/", "GET", None, READ),
    ("artifact-versions/{version}/", "PATCH", {"pinned": True}, WRITE),
    ("artifact-versions/{version}/", "DELETE", None, REMOVE),
    ("artifact-versions/{version}/files/", "GET", None, READ),
    ("artifact-versions/{version}/files/content/?path=a.txt", "GET", None, READ),
    ("artifact-versions/{version}/lineage/", "GET", None, READ),
    ("models/", "GET", None, MINE),
    ("models/", "POST", {"workspace": "lab", "name": "new"}, CREATE),
    ("models/lab/net/", "GET", None, READ),
    ("models/lab/net/", "PATCH", {"description": "x"}, WRITE),
    ("models/lab/net/", "DELETE", None, REMOVE),
    ("models/lab/net/versions/", "GET", None, READ),
    ("models/lab/net/versions/", "POST", {"artifact_version": "{version}"}, CREATE),
    ("models/lab/net/versions/1/", "GET", None, READ),
    ("models/lab/net/versions/1/", "PATCH", {"stage": "Staging"}, WRITE),
    ("models/lab/net/versions/1/", "DELETE", None, REMOVE),
    ("models/lab/net/versions/1/files/", "GET", None, READ),
    ("models/lab/net/versions/1/files/content/?path=a.txt", "GET", None, READ),
    ("models/lab/net/versions/1/lineage/", "GET", None, READ),
    ("models/lab/net/aliases/best/", "GET", None, READ),
    ("models/lab/net/aliases/best/", "PUT", {"version": 2}, WRITE),
    ("models/lab/net/aliases/best/", "DELETE", None, REMOVE),
    ("models/lab/net/compare/?versions=1,2", "GET", None, READ),
    ("runs/{run}/metrics/", "GET", None, READ),
    ("runs/{run}/metrics/", "POST", POINTS, WRITE),
    ("runs/{run}/metrics/points/?key=loss", "GET", None, READ),
    ("runs/{run}/series/?keys=loss", "GET", None, READ),
    ("series/?runs={run}&keys=loss", "GET", None, READ),
    ("compare/verdict/?runs={run},{bare}", "GET", None, READ),
    ("compare/episodes/?runs={run},{bare}", "GET", None, READ),
    ("compare/media/?runs={run},{bare}", "GET", None, READ),
    ("compare/console/?runs={run},{bare}", "GET", None, READ),
    ("compare/why/?runs={run},{bare}&key=loss", "GET", None, READ),
    ("compare/values/?runs={run},{bare}&key=loss", "GET", None, READ),
    ("runs/{trained}/evaluate/", "POST", {"episodes": 20}, CREATE),
    ("evaluations/{evaluation}/", "GET", None, READ),
    ("evaluations/{evaluation}/episodes/", "GET", None, READ),
    ("jobs/", "GET", None, MINE),
    ("jobs/", "POST", {"project": "lab/sinusoid", "spec": factories.SHORT_SPEC}, CREATE),
    ("jobs/{job}/", "GET", None, READ),
    ("jobs/{job}/cancel/", "POST", {}, WRITE),
    ("jobs/{failed}/retry/", "POST", {}, WRITE),
    ("jobs/{job}/priority/", "POST", {"priority": 5}, WRITE),
    ("workers/", "GET", None, MINE),
    ("trainers/", "GET", None, MINE),
    ("trainers/maml/", "GET", None, MINE),
    ("distributions/", "GET", None, MINE),
    ("schema/", "GET", None, OPEN),
    ("docs/", "GET", None, OPEN),
]  # fmt: skip


def _log_version(lab, name):
    blob = uploads.receive(lab.workspace, SHA, io.BytesIO(b"a"))
    stored = [{"path": "a.txt", "sha256": blob.pk}]
    return artifacts.log_version(
        project=lab.project, user=None, name=name, kind="model", stored=stored
    ).version


@pytest.fixture
def things(lab):
    """One of everything, in the lab."""
    run = factories.make_run(lab.project)
    run.snapshot = snapshots.store(workspace=lab.workspace, files={"train.py": b"print(1)\n"})
    run.save()
    recording.record(
        run_id=run.pk,
        client="setup",
        number=0,
        series=recording.parse_series(POINTS),
    )
    factories.make_log(run)
    files.put(files.of_run(run), "a.txt", io.BytesIO(b"a"))
    initialisations.record(run, EXAMPLE)
    version, aliased = (_log_version(lab, name) for name in ("weights", "old"))
    artifacts.set_alias(aliased, "old")
    factories.make_worker()
    give_own_roles(factories.make_project(lab.workspace, slug="old"))
    token, _ = access.create_token(user=factories.make_user("ada"), name="Ada's")
    invitation, secret = access.create_invitation(
        workspace=lab.workspace, role=Role.VIEWER, user=factories.make_user("max")
    )
    model = catalog.create(lab.workspace, name="net")
    made_of = MadeOf(artifact_version=aliased.pk)
    registering.register(model, Project.objects.all(), made_of, aliases=["best"])
    registering.register(model, Project.objects.all(), MadeOf(run=run.pk))
    view, _ = saved_views.save(
        lab.project,
        user=factories.make_user("otto"),
        role=Role.MEMBER,
        name="best",
        query="sort=name",
    )
    report = reports.create(lab.project, user=factories.make_user("otto"), title="Found")
    link, _ = reports.share(report, user=factories.make_user("max"), days=1)
    short, _ = short_links.shorten("/runs/?x=1", user=factories.make_user("otto"))
    comment = comments.comment(run, user=factories.make_user("otto"), text="x")
    webhook, _ = webhooks.create(
        lab.project, user=factories.make_user("max"), site="http://testserver/", **WEBHOOK
    )
    return {
        "comment": comment.pk,
        "webhook": webhook.pk,
        "report": report.pk,
        "link": link.pk,
        "view": view.pk,
        "short": short.pk,
        "invitation": invitation.pk,
        "secret": secret,
        "run": run.pk,
        "bare": factories.make_run(lab.project).pk,
        "done": factories.make_run(lab.project, status="completed").pk,
        "trashed": lifecycle.trash(factories.make_run(lab.project)).pk,
        "evaluation": factories.make_evaluation(run).pk,
        "job": factories.make_job(factories.make_run(lab.project, status="queued")).pk,
        "failed": factories.make_job(
            factories.make_run(lab.project, status="failed"), status="failed"
        ).pk,
        "trained": factories.make_trained(lab.project).pk,
        "token": token.pk,
        "version": version.pk,
        "artifact": version.artifact_id,
        "aliased": aliased.artifact_id,
    }


def expected(address, method, statuses):
    """The answer to each caller, those that the table does not name included."""
    named = dict(zip(CALLERS, statuses, strict=True))
    raised, shut_out = named["member"], named["stranger"]
    if address.startswith(OF_NO_PROJECT) or (address, method) == ("projects/", "POST"):
        raised, shut_out = named["viewer"], named["member"]
    if (address, method) in MADE_IN_A_PROJECT:
        shut_out = named["stranger"]
    if address.startswith(OF_ANY_PROJECT):
        raised = named["member"]
    if (address, method) == ("tokens/{token}/", "DELETE"):
        raised = shut_out = named["stranger"]
    admins_only = ("workspaces/lab/audit/", "workspaces/lab/invitations/")
    if address.startswith(admins_only):  # reading too, which a token of less scope may not
        return {**named, "raised": 403, "shut_out": 403, "reader": 403, "writer": 403}
    reader, writer = (
        403 if named[role] == 403 or (address, method) in ACCOUNT else named["admin"]
        for role in ("viewer", "member")
    )
    return {**named, "raised": raised, "shut_out": shut_out, "reader": reader, "writer": writer}


@pytest.mark.parametrize(
    ("address", "method", "body", "statuses"), TABLE, ids=[f"{row[1]} {row[0]}" for row in TABLE]
)
def test_who_gets_what(lab, things, address, method, body, statuses):
    text = "" if body is None else json.dumps(body)
    data = text.replace('"{version}"', str(things["version"]))
    data = data.replace("{secret}", things["secret"]).encode()

    for caller, status in expected(address, method, statuses).items():
        undo = transaction.savepoint()
        response = getattr(lab, caller).generic(
            method, f"/api/v1/{address.format(**things)}", data, content_type="application/json"
        )
        transaction.savepoint_rollback(undo)

        assert response.status_code == status, (caller, response.content[:500])
        if status >= 400:
            error_of(response)
        response.close()


def patterns(entries=urls.urlpatterns, prefix=""):
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix, entry


def test_every_address_and_method_has_a_row():
    rows = {(_pattern_of(address), method) for address, method, _, _ in TABLE}
    served = {
        (id(entry), method)
        for _, entry in patterns()
        for method in METHODS
        if hasattr(entry.callback.view_class, method.lower())
    }

    assert len(list(patterns())) == len({id(entry) for _, entry in patterns()})
    assert rows == served


def _pattern_of(address):
    names = {
        "run": "a",
        "short": "a",
        "bare": "a",
        "done": "a",
        "evaluation": "a",
        "job": "a",
        "failed": "a",
        "trashed": "a",
        "trained": "a",
    }
    numbered = ("token", "version", "artifact", "aliased", "invitation", "view", "report", "link",
                "comment", "webhook")  # fmt: skip
    numbers = dict.fromkeys(numbered, "1")
    path = address.partition("?")[0].format(**names, **numbers)
    found = [id(entry) for prefix, entry in patterns() if entry.resolve(path.removeprefix(prefix))]
    assert found, f"{path} is no address of the API"
    return found[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_not_served_is_405_for_members_and_401_for_strangers(lab, things, method):
    for prefix, entry in patterns():
        view = entry.callback.view_class
        if hasattr(view, method.lower()) or not hasattr(view, "needed"):
            continue
        path = f"/api/v1/{_sample(prefix + str(entry.pattern), things)}"

        assert error_of(lab.anonymous.generic(method, path))["code"] == "not_authenticated"
        refused = lab.admin.generic(method, path)
        assert (refused.status_code, error_of(refused)["code"]) == (405, "method_not_allowed")
        assert method not in refused["Allow"]


def _sample(pattern, things):
    for name, value in {
        "<slug:run_id>": things["run"],
        "<str:run_id>": things["run"],
        "<slug:job_id>": things["job"],
        "<slug:evaluation_id>": things["evaluation"],
        "<slug:workspace>": "lab",
        "<slug:project>": "sinusoid",
        "<str:username>": "ada",
        "<str:name>": "maml",
        "<int:version_id>": str(things["version"]),
        "<int:artifact_id>": str(things["artifact"]),
        "<str:alias>": "best",
        "<str:sha256>": SHA,
        "<int:number>": "1",
        "<int:view_id>": str(things["view"]),
        "<int:comment_id>": str(things["comment"]),
        "<int:webhook_id>": str(things["webhook"]),
        "<int:report_id>": str(things["report"]),
        "<int:link_id>": str(things["link"]),
        "<slug:link_id>": things["short"],
        "<int:invitation_id>": str(things["invitation"]),
        "<int:token_id>": str(things["token"]),
    }.items():
        pattern = pattern.replace(name, value)
    assert "<" not in pattern
    return pattern


def test_every_view_declares_who_may_call_each_of_its_methods():
    for _, entry in patterns():
        view = entry.callback.view_class
        if view.__module__.startswith("drf_spectacular"):
            continue
        served = {method for method in METHODS if hasattr(view, method.lower())}
        assert set(view.needed) == served, view


def test_foreign_and_unknown_things_answer_alike(lab, things):
    for address in ("runs/{}/", "jobs/{}/", "evaluations/{}/", "workspaces/{}/"):
        kind = {"runs": "run", "jobs": "job", "evaluations": "evaluation"}.get(
            address.partition("/")[0]
        )
        foreign = things[kind] if kind else "lab"

        to_stranger = lab.stranger.get("/api/v1/" + address.format(foreign))
        to_anybody = lab.stranger.get("/api/v1/" + address.format("0000000000000000"))

        assert to_stranger.status_code == to_anybody.status_code == 404
        assert to_stranger.content == to_anybody.content
