"""Models and datasets that MLflow's clients noted, on the page of their run."""

import io

import pytest
from django.test import Client
from django.urls import reverse

from experiments import access, files
from experiments.mlflow import datasets, logged_models
from experiments.models import LoggedModel
from tests import factories as make

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def run(data_dir):
    lab = make.make_workspace("lab", ada="member", vera="viewer")
    make.make_workspace("elsewhere", eve="admin")
    return make.make_run(make.make_project(lab, "sinusoid"), "net-s0", status="completed")


@pytest.fixture
def model(run):
    model = logged_models.create(run.project, name="net", model_type="sklearn", run=run, tags={})
    files.put(logged_models.files_of(model), "MLmodel", io.BytesIO(HOSTILE.encode()))
    datasets.log_outputs(run, {model.pk: 0})
    return model


def signed_in(name):
    client = Client()
    client.force_login(make.make_user(name))
    return client


def page(run, reader="vera", **query):
    answer = signed_in(reader).get(reverse("run", args=[run.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_run_without_any_shows_neither(run):
    for tab in ("overview", "files"):
        text = page(run, tab=tab)
        assert "Models</h2>" not in text
        assert "<dt>models</dt>" not in text
        assert "<dt>datasets</dt>" not in text


def test_a_model_is_listed_and_its_files_are_read(run, model):
    assert f'<a class="link" href="?tab=files&amp;model={model.pk}#files">net</a>' in page(run)
    text = page(run, tab="files")
    assert "made it" in text
    assert model.pk in text
    assert "MLmodel" not in text

    opened = page(run, tab="files", model=model.pk, path="MLmodel")

    assert "Files of net" in opened
    assert "&lt;script&gt;alert(1)" in opened
    assert HOSTILE not in opened
    url = reverse("run_model_content", args=[run.pk, model.pk])
    answer = signed_in("vera").get(url, {"path": "MLmodel"})
    assert b"".join(answer.streaming_content) == HOSTILE.encode()
    assert answer["Content-Disposition"].startswith("attachment")
    picture = reverse("run_model_picture", args=[run.pk, model.pk])
    assert signed_in("vera").get(picture, {"path": "MLmodel"}).status_code == 404


def test_a_model_that_was_read_says_so(run, model):
    reader = make.make_run(run.project, "reader")
    datasets.log_inputs(reader, [], [model.pk])
    assert "read it" in page(reader, tab="files")
    assert "made it" not in page(reader, tab="files")


def test_a_model_is_found_under_its_runs_alone_and_by_those_who_see_it(run, model):
    other = make.make_run(run.project, "other")
    url = reverse("run_model_content", args=[other.pk, model.pk])
    assert signed_in("vera").get(url, {"path": "MLmodel"}).status_code == 404
    assert signed_in("vera").get(
        reverse("run", args=[other.pk]), {"tab": "files", "model": model.pk}
    ).status_code == 404  # fmt: skip
    url = reverse("run_model_content", args=[run.pk, model.pk])
    assert signed_in("eve").get(url, {"path": "MLmodel"}).status_code == 404


def test_a_model_of_a_project_that_the_reader_is_shut_out_of_is_not_there(run, model):
    lab = run.project.workspace
    reader = make.make_run(make.make_project(lab, "open"), "reader")
    datasets.log_inputs(reader, [], [model.pk])
    member = lab.memberships.get(user__username="vera")
    access.set_project_role(run.project, member, "none")
    assert model.pk not in page(reader, tab="files")
    assert model.pk in page(reader, "ada", tab="files")


def test_a_deleted_model_is_gone(run, model):
    logged_models.delete(model)
    assert LoggedModel.objects.filter(pk=model.pk).exists()
    assert model.pk not in page(run, tab="files")


def test_datasets_are_listed_with_what_they_were_for(run):
    fields = dict.fromkeys(datasets.LIMITS, "") | {"name": HOSTILE, "digest": "1a2b"}
    datasets.log_inputs(run, [datasets.Read(fields, {"mlflow.data.context": "training"})], [])
    for text in (page(run), page(run, tab="files")):
        assert "&lt;script&gt;alert(1)" in text
        assert HOSTILE not in text
        assert "training" in text
    assert "1a2b" in page(run, tab="files")
