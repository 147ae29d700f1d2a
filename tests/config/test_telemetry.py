"""/metrics: who may read it, and that its numbers are those of the instance."""

import os
import subprocess
import sys

import pytest
from django.db import DatabaseError, connection
from prometheus_client.parser import text_string_to_metric_families

from config import counters
from experiments.models import RunStatus
from tests import factories

pytestmark = pytest.mark.django_db
TOKEN = "of-this-instance"


@pytest.fixture(autouse=True)
def parts(monkeypatch, settings, data_dir):
    data_dir.mkdir(exist_ok=True)
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(
        "config.health.check_parts", lambda: {"database": "ok", "worker": "was not heard of"}
    )


def scrape(client):
    """Every sample as {(name, labels in order): value}."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("sent", [None, "Bearer ", "Bearer other", "Basic x", "Bearer \u00e9"])
def test_nobody_reads_it_without_the_token(client, sent):
    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})

    assert answer.status_code == 401
    assert b"metascope_" not in answer.content
    assert b"METASCOPE_METRICS_TOKEN" in answer.content


def test_an_instance_without_a_token_shows_it_to_nobody(client, settings):
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_a_signed_in_admin_is_no_prometheus(client):
    client.force_login(factories.make_user("ada"))

    assert client.get("/metrics").status_code == 401


def test_requests_are_counted_by_route(client):
    key = ("metascope_http_requests_total", "GET", "healthz", "200")
    before = scrape(client).get(key, 0)

    client.get("/healthz")  # 503 with this worker
    client.get("/no/such/address")
    client.generic("BREW", "/healthz")

    after = scrape(client)
    assert after.get(key, 0) == before
    assert after["metascope_http_requests_total", "GET", "healthz", "503"] >= 1
    assert after["metascope_http_requests_total", "other", "healthz", "405"] >= 1
    assert after["metascope_http_request_duration_seconds_count", "GET", "healthz"] >= 1
    assert not any("no/such" in str(labels) for labels in after)


def test_runs_and_jobs_are_counted_by_status(client):
    project = factories.make_project()
    factories.make_run(project, status=RunStatus.COMPLETED)
    factories.make_run(project, status=RunStatus.COMPLETED)
    factories.make_job(factories.make_run(project, status=RunStatus.QUEUED))

    found = scrape(client)

    assert found["metascope_runs", "completed"] == 2
    assert found["metascope_runs", "crashed"] == 0
    assert found["metascope_jobs", "queued"] == 1
    assert found["metascope_oldest_queued_job_age_seconds",] >= 0
    assert found["metascope_database_bytes",] > 0
    assert found["metascope_disk_free_bytes",] > 0


def test_what_is_down_is_zero(client):
    found = scrape(client)

    assert found["metascope_part_up", "database"] == 1
    assert found["metascope_part_up", "worker"] == 0


def test_a_database_that_is_away_leaves_the_rest(client):
    def fail(execute, sql, params, many, context):
        raise DatabaseError("away")

    with connection.execute_wrapper(fail):
        found = scrape(client)

    assert found["metascope_part_up", "worker"] == 0
    assert ("metascope_runs", "completed") not in found


def test_processes_of_one_web_server_count_together(tmp_path):
    """As gunicorn runs them: each with values of its own in the folder that they share."""
    script = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "django.setup()\n"
        "from config import telemetry\n"
        "from prometheus_client import generate_latest, CollectorRegistry\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "for _ in range(3): telemetry.count_request('GET', 'runs/', 200, 0.01)\n"
        "registry = CollectorRegistry(); MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    printed = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    wanted = 'metascope_http_requests_total{method="GET",route="runs/",status="200"}'
    assert f"{wanted} 3.0" in printed[0]
    assert f"{wanted} 6.0" in printed[1]


def test_counters_lie_in_memory_where_there_is_any_and_the_place_is_ours(tmp_path):
    data, memory = tmp_path / "data", tmp_path / "memory"

    assert counters.place(data, memory) == data / "metrics"
    memory.mkdir()
    first = counters.place(data, memory)
    assert first.parent == memory
    assert first.stat().st_mode & 0o777 == 0o700
    assert counters.place(data, memory) == first
    assert counters.place(tmp_path / "other", memory) != first
    first.rmdir()
    first.symlink_to(tmp_path)
    assert counters.place(data, memory) == data / "metrics"
