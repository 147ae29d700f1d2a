"""Nothing is deleted or forgotten because a store is looked at that files were not put into, and
whoever runs the server is told what to set."""

import shutil
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from config import blob_store, doctor
from experiments import blobs, snapshots
from experiments.errors import Unavailable
from experiments.models import Blob
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def used():
    return snapshots.store(
        workspace=factories.make_workspace(), files={"a.py": b"a = 1\n", "b.py": b"b = 1\n"}
    )


def garbage(data: bytes) -> str:
    blob = blobs.put(data)
    Blob.objects.filter(pk=blob.pk).update(created_at=Now() - timedelta(days=30))
    return blob.pk


def look_at_the_folder(settings, data_dir, monkeypatch) -> None:
    monkeypatch.delenv("METASCOPE_BLOBS")
    settings.STORAGES = {**settings.STORAGES, "blobs": blob_store.storage(data_dir)}


def test_garbage_of_a_bucket_is_not_forgotten_where_the_folder_is_looked_at(
    bucket, settings, data_dir, monkeypatch, used
):
    old = garbage(b"old")
    look_at_the_folder(settings, data_dir, monkeypatch)

    with pytest.raises(Unavailable):
        blobs.collect()
    with pytest.raises(CommandError, match=r"Nothing was deleted: .*METASCOPE_BLOBS"):
        call_command("collect_garbage")
    assert Blob.objects.filter(pk=old).exists()
    assert len(list(bucket.objects.all())) == 3


def test_not_even_where_nothing_is_needed_any_more(bucket, settings, data_dir, monkeypatch):
    old = garbage(b"old")
    look_at_the_folder(settings, data_dir, monkeypatch)

    with pytest.raises(Unavailable):
        blobs.collect()
    assert Blob.objects.filter(pk=old).exists()


def test_what_a_move_left_in_the_folder_is_not_taken_for_the_store(
    bucket, settings, data_dir, monkeypatch, used
):
    in_both = garbage(b"old")
    for blob in Blob.objects.all():
        left = data_dir / "blobs" / blob.pk[:2] / blob.pk[2:4] / blob.pk
        left.parent.mkdir(parents=True)
        left.touch()
    snapshots.store(workspace=factories.make_workspace("new"), files={"c.py": b"c = 1\n"})
    look_at_the_folder(settings, data_dir, monkeypatch)

    with pytest.raises(Unavailable):
        blobs.collect()
    assert Blob.objects.filter(pk=in_both).exists()
    assert (data_dir / "blobs" / in_both[:2] / in_both[2:4] / in_both).exists()


def test_a_bucket_without_keys_says_which_variables_to_set(
    bucket, used, settings, monkeypatch, tmp_path
):
    old = garbage(b"old")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings.STORAGES = dict(settings.STORAGES)  # a new process has no open connection

    [finding] = doctor.examine(thorough=True)["blobs"]

    assert f"s3://{bucket.name}/some/folder at http://127.0.0.1" in finding.says
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in finding.mend
    with pytest.raises(CommandError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        call_command("collect_garbage")
    assert Blob.objects.filter(pk=old).exists()


def test_a_bucket_that_is_not_there_is_said_apart(bucket, used):
    bucket.objects.all().delete()
    bucket.delete()

    [finding] = doctor.examine(thorough=True)["blobs"]

    assert "no such bucket: correct METASCOPE_BLOBS" in finding.mend


def test_doctor_names_the_cause_once_where_every_file_is_missing(
    bucket, settings, data_dir, monkeypatch, used
):
    look_at_the_folder(settings, data_dir, monkeypatch)

    [finding] = doctor.examine(thorough=True)["blobs"]

    assert finding.says == f"All 2 files looked for are missing in {data_dir}/blobs."
    assert "name it in METASCOPE_BLOBS" in finding.mend


def test_garbage_goes_from_its_own_store(used):
    garbage(b"old")

    call_command("collect_garbage")

    assert Blob.objects.count() == 2


def test_lost_files_keep_garbage_from_being_deleted(used, data_dir):
    old = garbage(b"old")
    shutil.rmtree(data_dir / "blobs")

    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("collect_garbage")
    assert Blob.objects.filter(pk=old).exists()
