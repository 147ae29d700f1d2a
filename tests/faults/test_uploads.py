"""A client killed in the middle of a large upload: what it goes on with is what is missing."""

import os
import signal
from collections import Counter

import pytest

from experiments import blobs
from experiments.models import ArtifactVersion, BlobUpload
from tests.faults.stack import wait_until
from tests.faults.web import Script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

THREADS = 4  # of the client: so many files are on their way at once
PART = 32 * 1024 * 1024
SCRIPT = """
import metascope
with metascope.start("faults", console=False, code=False, system=False) as run:
    run.log_artifact("files", "many", kind="dataset")
"""


def test_a_killed_upload_goes_on_with_what_is_missing(web, tmp_path):
    folder = tmp_path / "script" / "files"
    files = {f"{number:03}": os.urandom(20_000) for number in range(300)}
    files["300"] = os.urandom(PART + 1)  # goes in two parts, the last of all
    web.start()
    training = Script(tmp_path / "script", web, "input()\n" + SCRIPT)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "copy").write_bytes(files["000"])
    training.say("go on")
    wait_until(lambda: BlobUpload.objects.count() >= 100, "a third has arrived")

    training.process.send_signal(signal.SIGKILL)
    training.end()
    before = len(web.answered("PUT"))
    assert not ArtifactVersion.objects.exists()
    assert before < 300
    training.sync()

    (version,) = ArtifactVersion.objects.all()
    found = {file.path: blobs.read(file.blob_id) for file in version.files.files.all()}
    assert found == {**files, "copy": files["000"]}
    sent = Counter(web.answered("PUT"))
    assert len(sent) == 301
    assert sum(sent.values()) <= 302 + THREADS  # two parts, and what was on its way
