"""The registry's pages: who sees what, what is changed from them, and what hostile text does."""

import pytest
from django.test import Client
from django.urls import reverse

from dashboard import mlmodel
from experiments import access, recording
from experiments.models import ArtifactVersion, Membership, ModelVersion, Project, Run
from experiments.registry import catalog
from tests import factories as make
from tests.registering import log_artifact, logged_model, model_named, put, register

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
NET = "/w/lab/models/net/"


@pytest.fixture
def project(data_dir) -> Project:
    lab = make.make_workspace("lab", ada="member", vera="viewer", otto="member")
    make.make_workspace("elsewhere", eve="admin")
    return make.make_project(lab, "sinusoid", main_metric="loss")


@pytest.fixture
def run(project) -> Run:
    run = make.make_run(project, "maml-s0", status="completed", params={"lr": 0.5})
    points = {"series": [{"key": "loss", "steps": [0, 1], "values": [2.0, 0.25]}]}
    recording.record(run_id=run.pk, client="c", number=0, series=recording.parse_series(points))
    return run


@pytest.fixture
def version(run) -> ModelVersion:
    artifact = log_artifact(run.project, run=run, net=b"bytes")
    return register(
        model_named(run.project.workspace), artifact_version=artifact.pk, aliases=["best"]
    )


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(make.make_user(name))
    return client


def page(url: str, *, name="vera", status=200, **query) -> str:
    answer = signed_in(name).get(url, query)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def post(url: str, name="ada", **values):
    return signed_in(name).post(url, values, follow=True)


def test_the_empty_list_teaches_how_to_register(project):
    text = page("/models/")

    assert "No models yet" in text
    assert "run.register_model" in text
    assert 'href="/models/"' in text
    assert "sinusoid" in text


def test_the_list_shows_latest_aliases_stages_and_tags_and_is_searched(version):
    catalog.edit(version.model, description="Five-way", tags={"task": "omniglot"})
    catalog.change(version, stage="Production")
    model_named(version.model.workspace, "other")

    text = page("/models/")

    for shown in ("net", "@best: 1", "Production: 1", "Five-way", "task: omniglot"):
        assert shown in text
    assert "2 models" in text
    for query in ({"q": "NET"}, {"q": "omni"}, {"q": "five"}, {"stage": "Production"}):
        assert "1 model that match" in page("/models/", **query)
    assert "No model matches" in page("/models/", q=HOSTILE)
    assert "No models yet" in page("/models/", name="eve")


def test_a_model_shows_its_versions_with_run_number_files_and_how_to_load_it(version, run):
    text = page(NET)

    for shown in (
        reverse("run", args=[run.pk]), "0.25", "loss, best", "@best", "/versions/1/content/",
        'use_model("net@best")', "models:/net@best", "lr",
        "model net v1, this version",
    ):  # fmt: skip
        assert shown in text, shown
    content = signed_in("vera").get(f"{NET}versions/1/content/?path=net")
    assert b"".join(content.streaming_content) == b"bytes"
    content.close()
    assert signed_in("vera").get(NET, {"version": "@best"})["Location"] == f"{NET}?version=1"
    page(NET, version="2", status=404)
    page(NET, version="x", status=400)
    page(NET, version="@none", status=404)
    page(NET, name="eve", status=404)
    page("/w/lab/models/none/", status=404)


def test_how_to_load_names_the_project_of_the_run_and_nothing_where_files_are_elsewhere(version):
    make.make_project(version.model.workspace, "newest")
    assert 'metascope.start("sinusoid")' in page(NET)

    register(version.model, source="s3://elsewhere/model")

    text = page(NET)
    assert "They are kept elsewhere" in text
    assert "use_model" not in text
    assert "load_model" not in text


def test_the_page_of_an_artifact_shows_the_model_that_it_is_in_its_lineage(version):
    artifact = version.artifact_version.artifact

    text = page(reverse("artifact", args=["lab", "sinusoid", artifact.name]))

    assert "model net v1, 1 step after" in text
    assert f"{NET}?version=1" in text


def test_a_model_without_versions_says_how_to_make_one(project):
    model_named(project.workspace, HOSTILE.replace("/", ""))

    text = page("/models/")

    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    address = reverse("model", args=["lab", HOSTILE.replace("/", "")])
    assert "No version yet" in page(address)


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("describe/", {"description": "d"}),
        ("tags/", {"key": "k", "value": "v"}),
        ("aliases/", {"version": "1", "alias": "a"}),
        ("stage/", {"version": "1", "stage": "Staging"}),
        ("delete/", {}),
    ],
)
def test_viewers_change_nothing_and_strangers_find_nothing(version, address, values):
    assert post(f"{NET}{address}", "vera", **values).status_code == 403
    assert post(f"{NET}{address}", "eve", **values).status_code == 404
    assert signed_in("ada").get(f"{NET}{address}").status_code == 405
    assert "Set alias" not in page(NET)
    assert post(f"{NET}{address}", "ada", **values).status_code == 200


def test_a_version_is_described_tagged_staged_and_deleted(version):
    register(version.model, source="s3://bucket/net")
    post(f"{NET}stage/", version="1", stage="Production")

    post(f"{NET}describe/", version="2", description=f"{HOSTILE}\r\nsecond line")
    post(f"{NET}tags/", version="2", key="k", value=HOSTILE)
    post(f"{NET}aliases/", version="2", alias="@best")
    text = post(f"{NET}stage/", version="2", stage="production", archive_others="1").content

    assert b"Version 2 is in stage Production now." in text
    assert HOSTILE.encode() not in text
    assert b"&lt;script&gt;" in text
    assert b"s3://bucket/net" in text
    stages = ModelVersion.objects.order_by("number").values_list("stage", flat=True)
    assert list(stages) == ["Archived", "Production"]
    assert (
        b"has no alias" not in post(f"{NET}aliases/", version="2", alias="best", remove="1").content
    )
    post(f"{NET}tags/", version="2", key="k", remove="1")
    second = ModelVersion.objects.get(number=2)
    assert (second.description, catalog.tags_of(second)) == (f"{HOSTILE}\nsecond line", {})
    assert b"Version 2 is deleted" in post(f"{NET}delete/", version="2").content
    assert b"net is deleted" in post(f"{NET}delete/").content
    assert not ModelVersion.objects.exists()


def test_versions_are_compared_side_by_side(version, run):
    other = make.make_run(run.project, "maml-s1", params={"lr": 0.25})
    points = {"series": [{"key": "loss", "steps": [0], "values": [0.125]}]}
    recording.record(run_id=other.pk, client="c", number=0, series=recording.parse_series(points))
    artifact = log_artifact(run.project, run=other, net=b"others", added=b"1")
    register(version.model, artifact_version=artifact.pk)
    address = f"{NET}compare/"

    chosen = signed_in("vera").get(address, {"v": ["1", "2"]})
    text = page(address, versions="1,2")

    assert chosen["Location"] == f"{address}?versions=1,2"
    for shown in (
        "better", f"/compare/?runs={run.pk},{other.pk}", "1 of 1 differ", "1 added", "1 changed",
        "?versions=2,1&amp;stat=last",
    ):  # fmt: skip
        assert shown in text, shown
    page(address, versions="1", status=400)
    page(address, versions="1,7", status=404)
    assert 'class="best"' in page(address, versions="1,2", stat="max")


def test_what_is_kept_or_logged_or_lies_among_files_is_registered_from_its_page(run):
    artifact = log_artifact(run.project, run=run)
    logged = logged_model(run, MLmodel=b"flavors: {pytorch: {}}")
    put(run, "folder/net")
    files_tab = page(reverse("run", args=[run.pk]), name="ada", tab="files", path="folder")
    of_artifact = page("/p/lab/sinusoid/artifacts/weights/", name="ada")
    register_ = reverse("model_register")

    for query in (f"artifact_version={artifact.pk}", f"logged_model={logged.pk}"):
        assert f"{register_}?{query}" in files_tab
    assert f"{register_}?run={run.pk}&amp;path=folder" in files_tab
    assert f"{register_}?artifact_version={artifact.pk}" in of_artifact
    assert "weights:1" in page(register_, name="ada", artifact_version=artifact.pk)
    for made_of in (
        {"artifact_version": artifact.pk}, {"logged_model": logged.pk},
        {"run": run.pk, "path": "folder"},
    ):  # fmt: skip
        answer = post(register_, name="ada", **{"name_": ""}, **made_of)
        assert answer.status_code == 400
        answer = signed_in("ada").post(
            register_, {"name": "net", "aliases": "a, b", **made_of}, follow=True
        )
        assert answer.status_code == 200
    numbers = ModelVersion.objects.order_by("number").values_list("number", "source_run_id")
    assert list(numbers) == [(1, run.pk), (2, run.pk), (3, run.pk)]
    assert "pytorch" in page(NET, version="2")
    assert "net 1" in page("/p/lab/sinusoid/artifacts/weights/", name="ada")


def test_only_members_register_and_only_what_they_see(run):
    artifact = log_artifact(run.project, run=run)
    address = f"{reverse('model_register')}?artifact_version={artifact.pk}"

    assert signed_in("vera").get(address).status_code == 403
    assert signed_in("eve").get(address).status_code == 404
    assert signed_in("ada").get(reverse("model_register")).status_code == 400
    assert "Register as model" not in page("/p/lab/sinusoid/artifacts/weights/")
    assert not ModelVersion.objects.exists()


def test_who_is_shut_out_of_a_project_learns_nothing_of_what_was_made_there(version, run):
    register(version.model, run=run.pk)
    member = Membership.objects.get(workspace__slug="lab", user__username="otto")
    access.set_project_role(run.project, member, "none")
    secrets = (run.pk, run.name, "loss", "0.25", "sinusoid", "weights", "lr")

    for address in (NET, f"{NET}?version=2", f"{NET}compare/?versions=1,2", "/models/"):
        told = page(address, name="otto")
        main = told[told.index("<main") : told.index("</main>")]
        assert [one for one in secrets if one in main] == [], address
    assert "Where it comes from is hidden" in page(NET, name="otto")
    otto = signed_in("otto")
    assert otto.get(f"{NET}versions/1/content/?path=net").status_code == 404
    assert otto.get(f"{reverse('model_register')}?run={run.pk}").status_code == 404


def test_rules_and_pins_are_set_on_the_page_of_an_artifact(project):
    for number in range(3):
        version = log_artifact(project, net=bytes([number]))
    address = "/p/lab/sinusoid/artifacts/weights/"

    assert b"is pinned" in post(f"{address}pin/", version="1").content
    done = post(f"{address}keep/", keep_versions="1", keep_days="30").content.decode()

    assert "1 went at once" in done
    assert "older than 30 days" in page(f"{address}?version=3")
    assert [one.number for one in ArtifactVersion.objects.order_by("number")] == [1, 3]
    assert post(f"{address}keep/", keep_days="many").status_code == 400
    assert post(f"{address}keep/", "vera", keep_days="1").status_code == 403
    post(f"{address}pin/", version="1", pinned="0")
    post(f"{address}keep/")
    version.artifact.refresh_from_db()
    assert (version.artifact.keep_versions, version.artifact.keep_days) == (None, None)


class TestMlModel:
    def test_flavors_and_signature_are_read(self):
        found = mlmodel.parse(
            b"flavors:\n  python_function: {env: x}\n  pytorch: {}\n"
            b'signature:\n  inputs: \'[{"name": "x", "type": "double"}]\'\n'
            b'  outputs: \'[{"type": "tensor", "tensor-spec": {"dtype": "float32", '
            b'"shape": [-1, 5]}}]\'\n'
        )
        assert found is not None
        assert found.flavors == ["python_function", "pytorch"]
        assert [(one.name, one.type) for one in found.inputs] == [("x", "double")]
        assert [(one.name, one.type) for one in found.outputs] == [("0", "float32 [-1, 5]")]

    @pytest.mark.parametrize(
        "text",
        [
            b"", b"- a", b"\xff\xfe", b"a: [", b"a: &a [1]\nb: [*a, *a]", b"[" * 5000,
            b"!!python/object:os.x {}", b"flavors: !!binary x",
        ],
    )  # fmt: skip
    def test_what_is_no_such_file_is_nothing(self, text):
        assert mlmodel.parse(text) is None

    def test_oddities_within_are_left_out(self):
        found = mlmodel.parse(b"flavors: 3\nsignature: {inputs: '[1, {}]', outputs: '{'}")
        assert found is not None
        assert (found.flavors, found.outputs) == ([], [])
