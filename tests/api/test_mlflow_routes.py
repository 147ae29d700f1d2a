"""Every address of MLflow × method × caller, against a table. An address without a row fails."""

import hashlib
import io
import json
from collections import Counter

import pytest
from django.db import transaction

from experiments import files, numbered_parts
from experiments.api.mlflow import urls
from experiments.api.mlflow.server import NoSuchAddress
from experiments.mlflow import logged_models
from experiments.models import ModelVersion
from experiments.registry import catalog, versions
from tests import factories
from tests.api.conftest import give_own_roles

CALLERS = ("anonymous", "viewer", "member", "admin", "stranger")
READ = (401, 200, 200, 200, 404)
WRITE = (401, 403, 200, 200, 404)
ADMIN = (401, 403, 403, 200, 404)
MINE = (401, 200, 200, 200, 200)  # of the caller's own workspace
MAKE = (401, 403, 200, 200, 200)
M, A = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/"
# Of the workspace: a role of one's own in a project changes nothing there.
OF_NO_PROJECT = (
    f"{M}experiments/create", f"{M}experiments/search", f"{M}registered-models/",
    f"{M}model-versions/",
)  # fmt: skip
TAG = {"key": "k", "value": "v"}
POINT = {"key": "m", "value": 1, "timestamp": 1}
EMPTY = hashlib.sha256(b"").hexdigest()
MODEL, VERSION = {"name": "net"}, {"name": "net", "version": "1"}

TABLE = [
    (f"{M}experiments/create", "POST", {"name": "new"}, MAKE),
    (f"{M}experiments/get?experiment_id={{project}}", "GET", None, READ),
    (f"{M}experiments/get-by-name?experiment_name=sinusoid", "GET", None, READ),
    (f"{M}experiments/search", "GET", None, MINE),
    (f"{M}experiments/search", "POST", {}, MINE),
    (f"{M}experiments/update", "POST", {"experiment_id": "{project}", "new_name": "n"}, WRITE),
    (f"{M}experiments/delete", "POST", {"experiment_id": "{project}"}, ADMIN),
    (f"{M}experiments/restore", "POST", {"experiment_id": "{old}"}, ADMIN),
    (f"{M}experiments/set-experiment-tag", "POST", {"experiment_id": "{project}", **TAG}, WRITE),
    (f"{M}experiments/delete-experiment-tag", "POST",
     {"experiment_id": "{project}", "key": "there"}, WRITE),
    (f"{M}runs/create", "POST", {"experiment_id": "{project}"}, WRITE),
    (f"{M}runs/get?run_id={{run}}", "GET", None, READ),
    (f"{M}runs/update", "POST", {"run_id": "{run}", "status": "FINISHED"}, WRITE),
    (f"{M}runs/delete", "POST", {"run_id": "{run}"}, WRITE),
    (f"{M}runs/restore", "POST", {"run_id": "{run}"}, WRITE),
    (f"{M}runs/log-metric", "POST", {"run_id": "{run}", **POINT}, WRITE),
    (f"{M}runs/log-parameter", "POST", {"run_id": "{run}", **TAG}, WRITE),
    (f"{M}runs/log-batch", "POST", {"run_id": "{run}", "tags": [TAG]}, WRITE),
    (f"{M}runs/set-tag", "POST", {"run_id": "{run}", **TAG}, WRITE),
    (f"{M}runs/delete-tag", "POST", {"run_id": "{run}", "key": "there"}, WRITE),
    (f"{M}runs/log-inputs", "POST", {"run_id": "{run}"}, WRITE),
    (f"{M}runs/outputs", "POST", {"run_id": "{run}"}, WRITE),
    (f"{M}runs/search", "POST", {"experiment_ids": ["{project}"]}, MINE),
    (f"{M}metrics/get-history?run_id={{run}}&metric_key=m", "GET", None, READ),
    (f"{M}artifacts/list?run_id={{run}}", "GET", None, READ),
    (f"{M}logged-models", "POST", {"experiment_id": "{project}", "name": "n"}, WRITE),
    (f"{M}logged-models/search", "POST", {"experiment_ids": ["{project}"]}, MINE),
    (f"{M}logged-models/{{model}}", "GET", None, READ),
    (f"{M}logged-models/{{model}}", "PATCH", {"status": "LOGGED_MODEL_READY"}, WRITE),
    (f"{M}logged-models/{{model}}", "DELETE", {}, WRITE),
    (f"{M}logged-models/{{model}}/tags", "PATCH", {"tags": [TAG]}, WRITE),
    (f"{M}logged-models/{{model}}/tags/there", "DELETE", {}, WRITE),
    (f"{M}logged-models/{{model}}/params", "POST", {"params": [TAG]}, WRITE),
    (f"{M}registered-models/create", "POST", {"name": "new"}, MAKE),
    (f"{M}registered-models/get?name=net", "GET", None, READ),
    (f"{M}registered-models/update", "PATCH", {**MODEL, "description": "d"}, WRITE),
    (f"{M}registered-models/rename", "POST", {**MODEL, "new_name": "n"}, WRITE),
    (f"{M}registered-models/delete", "DELETE", MODEL, WRITE),
    (f"{M}registered-models/search", "GET", None, MINE),
    (f"{M}registered-models/get-latest-versions?name=net", "GET", None, READ),
    (f"{M}registered-models/get-latest-versions", "POST", MODEL, READ),
    (f"{M}registered-models/set-tag", "POST", {**MODEL, **TAG}, WRITE),
    (f"{M}registered-models/delete-tag", "DELETE", {**MODEL, "key": "k"}, WRITE),
    (f"{M}registered-models/alias", "POST", {**VERSION, "alias": "a"}, WRITE),
    (f"{M}registered-models/alias?name=net&alias=best", "GET", None, READ),
    (f"{M}registered-models/alias", "DELETE", {**MODEL, "alias": "best"}, WRITE),
    (f"{M}model-versions/create", "POST", {**MODEL, "source": "models:/{model}"}, WRITE),
    (f"{M}model-versions/get?name=net&version=1", "GET", None, READ),
    (f"{M}model-versions/update", "PATCH", {**VERSION, "description": "d"}, WRITE),
    (f"{M}model-versions/transition-stage", "POST", {**VERSION, "stage": "Staging"}, WRITE),
    (f"{M}model-versions/delete", "DELETE", VERSION, WRITE),
    (f"{M}model-versions/search", "GET", None, MINE),
    (f"{M}model-versions/get-download-uri?name=net&version=1", "GET", None, READ),
    (f"{M}model-versions/set-tag", "POST", {**VERSION, **TAG}, WRITE),
    (f"{M}model-versions/delete-tag", "DELETE", {**VERSION, "key": "k"}, WRITE),
    (f"{A}artifacts?path={{project}}/{{run}}/artifacts", "GET", None, READ),
    (f"{A}artifacts/{{project}}/{{run}}/artifacts/a.txt", "GET", None, READ),
    (f"{A}artifacts/{{project}}/{{run}}/artifacts/b.txt", "PUT", None, WRITE),
    (f"{A}artifacts/{{project}}/{{run}}/artifacts/a.txt", "DELETE", None, WRITE),
    (f"{A}mpu/create/{{project}}/{{run}}/artifacts", "POST", {"path": "c", "num_parts": 2}, WRITE),
    (f"{A}mpu/part/{{upload}}/1", "PUT", None, WRITE),
    (f"{A}mpu/complete/{{project}}/{{run}}/artifacts", "POST",
     {"path": "c", "upload_id": "{upload}", "parts": [{"part_number": 1, "etag": EMPTY}]}, WRITE),
    (f"{A}mpu/abort/{{project}}/{{run}}/artifacts", "POST",
     {"path": "c", "upload_id": "{upload}"}, WRITE),
    ("/api/3.0/mlflow/server-info", "GET", None, MINE),
]  # fmt: skip


@pytest.fixture
def things(lab):
    """One of everything, in the lab."""
    run = factories.make_run(lab.project)
    run.tag_rows.create(project=lab.project, name="there", value="1")
    lab.project.tag_rows.create(name="there", value="1")
    files.put(files.of_run(run), "a.txt", io.BytesIO(b"a"))
    model = logged_models.create(lab.project, name="net", tags={"there": "1"})
    registered = catalog.create(lab.workspace, name="net")
    registered.last_number = 1
    registered.save()
    version = ModelVersion.objects.create(model=registered, number=1, source="s", location="l")
    versions.set_alias(version, "best")
    old = factories.make_project(lab.workspace, slug="old", deleted_at="2026-01-01T00:00:00Z")
    give_own_roles(old)
    return {"project": lab.project.pk, "run": run.pk, "model": model.pk, "old": old.pk}


def upload_of(caller, things):
    """An upload of one part that the caller has begun, whether they may or not."""
    names = {"viewer": "vera", "member": "ada", "admin": "max", "stranger": "sam", "raised": "rita",
             "shut_out": "otto", "reader": "max", "writer": "max", "anonymous": "ada"}  # fmt: skip
    user = factories.make_user(names[caller])
    target = f"{things['project']}/{things['run']}/artifacts/c"
    upload = numbered_parts.begin(user=user.pk, target=target, parts=1)
    numbered_parts.put(upload, 1, io.BytesIO(b""))
    return upload.id


def filled(value, things):
    """The body with ids in place of their names."""
    if isinstance(value, dict):
        return {key: filled(part, things) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, things) for part in value]
    return value.format(**things) if isinstance(value, str) else value


def expected(address, statuses):
    """The answer to each caller, those that the table does not name included: with a role of their
    own in the projects, or a token of less scope."""
    named = dict(zip(CALLERS, statuses, strict=True))
    raised, shut_out = named["member"], named["stranger"]
    if address.startswith(OF_NO_PROJECT):
        raised, shut_out = named["viewer"], named["member"]
    if address == f"{M}model-versions/create":  # of a logged model, which is of a project
        shut_out = named["stranger"]
    reader, writer = (
        403 if named[role] == 403 else named["admin"] for role in ("viewer", "member")
    )
    return {**named, "raised": raised, "shut_out": shut_out, "reader": reader, "writer": writer}


@pytest.mark.parametrize(
    ("address", "method", "body", "statuses"), TABLE, ids=[f"{row[1]} {row[0]}" for row in TABLE]
)
def test_who_gets_what(lab, things, address, method, body, statuses):
    for caller, status in expected(address, statuses).items():
        things["upload"] = upload_of(caller, things)
        data = b"" if body is None else json.dumps(filled(body, things)).encode()
        undo = transaction.savepoint()
        response = getattr(lab, caller).generic(
            method, address.format(**things), data, content_type="application/json"
        )
        transaction.savepoint_rollback(undo)

        assert response.status_code == status, (caller, getattr(response, "content", b"")[:500])
        if status >= 400:
            assert set(response.json()) == {"error_code", "message"}
        response.close()


@pytest.mark.parametrize("address", ["experiments/search", "runs/search", "logged-models/search"])
def test_a_stranger_sees_nothing_of_the_lab(lab, things, address):
    body = {"experiment_ids": [str(things["project"])]}
    answer = lab.stranger.post(f"{M}{address}", body, format="json").json()
    found = next(iter(answer.values()), [])
    assert all(one.get("name") == "Default" for one in found)


def test_every_address_and_method_has_a_row():
    def of(path):
        return next(id(entry) for entry in urls.urlpatterns if entry.resolve(path))

    sample = {"project": 1, "run": "r", "model": "m", "old": 1, "upload": "u"}
    rows = [(of(row[0].partition("?")[0].format(**sample)[1:]), row[1]) for row in TABLE]
    views = {id(entry): getattr(entry.callback, "view_class", None) for entry in urls.urlpatterns}
    served = [
        (key, method)
        for key, view in views.items()
        if view is not None and view is not NoSuchAddress
        for method in view.needed
    ]
    assert Counter(rows) == Counter(served)
