"""`/metrics` for Prometheus: how requests went, and the state of the instance at that moment.

What is counted while requests are answered lies in files that the web server's processes share
(`PROMETHEUS_MULTIPROC_DIR`); everything else is asked of the database at each scrape. No name of a
workspace, project or user is in it.
"""

import hmac
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config import counters, health
from experiments.models import Blob, Job, MetricBatch, Run, Worker
from experiments.models.jobs import JobStatus
from experiments.models.runs import RunStatus

REQUESTS = Counter(
    "metascope_http_requests", "Requests answered, by route.", ["method", "route", "status"]
)
SECONDS = Histogram(
    "metascope_http_request_duration_seconds",
    "Time until the answer's first byte.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Notes an answer. Callers cannot make new series: unknown methods and addresses share one."""
    method = method if method in _METHODS else "other"
    REQUESTS.labels(method, route or "none", str(status)).inc()
    SECONDS.labels(method, route or "none").observe(seconds)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything in the format the caller accepts, for whoever sends the instance's metrics token.

    401 otherwise.
    """
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return HttpResponse(
            "Send the token of METASCOPE_METRICS_TOKEN, or of the file metrics_token in the data "
            "folder: Authorization: Bearer ...\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": "Bearer"},
        )
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(_registry()), content_type=content_type)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    if counters.is_shared():
        MultiProcessCollector(registry)
    else:  # one process serves: a test, or a server started by hand
        registry.register(REGISTRY)
    registry.register(Instance())
    return registry


class Instance(Collector):
    """What the database and the disk say now. Where the database is away, what needs it is left
    out, and `metascope_part_up` tells."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily(
            "metascope_part_up", "1 when this part of the instance works.", labels=["part"]
        )
        for part, state in health.check_parts().items():
            up.add_metric([part], float(state == "ok"))
        yield up
        try:
            free = shutil.disk_usage(settings.DATA_DIR).free
        except OSError:
            pass  # `part="disk"` is 0
        else:
            yield GaugeMetricFamily(
                "metascope_disk_free_bytes", "Free where the data lies.", value=free
            )
        try:
            yield from list(_stored())
        except DatabaseFailure:
            return  # `part="database"` is 0


def _stored() -> Iterator[GaugeMetricFamily]:
    runs = GaugeMetricFamily("metascope_runs", "Runs, without the trash.", labels=["status"])
    counted = Run.objects.filter(deleted_at=None).values_list("status").annotate(n=Count("pk"))
    found = dict(counted.order_by())
    for status in RunStatus.values:
        runs.add_metric([status], found.get(status, 0))
    yield runs
    jobs = GaugeMetricFamily("metascope_jobs", "Jobs of the queue.", labels=["status"])
    found = dict(Job.objects.values_list("status").annotate(n=Count("pk")).order_by())
    for status in JobStatus.values:
        jobs.add_metric([status], found.get(status, 0))
    yield jobs
    oldest = Job.objects.filter(status=JobStatus.QUEUED).aggregate(at=Min("created_at"))["at"]
    waited = 0.0 if oldest is None else (timezone.now() - oldest).total_seconds()
    yield GaugeMetricFamily(
        "metascope_oldest_queued_job_age_seconds", "0 when nothing waits.", value=max(0.0, waited)
    )
    alive = Worker.objects.filter(stopped_at=None)
    yield GaugeMetricFamily("metascope_workers", "Workers that did not stop.", value=alive.count())
    waiting = MetricBatch.objects.filter(payload__isnull=False).aggregate(
        n=Count("pk"), points=Sum("points")
    )
    yield GaugeMetricFamily(
        "metascope_unfolded_batches", "Accepted, not yet folded.", value=waiting["n"]
    )
    yield GaugeMetricFamily(
        "metascope_unfolded_points", "Points of these batches.", value=waiting["points"] or 0
    )
    files = Blob.objects.aggregate(n=Count("pk"), size=Sum("size"))
    yield GaugeMetricFamily("metascope_stored_files", "Distinct files.", value=files["n"])
    yield GaugeMetricFamily(
        "metascope_stored_file_bytes", "Of these files.", value=files["size"] or 0
    )
    yield GaugeMetricFamily(
        "metascope_database_bytes", "The database on its disk.", value=_database_bytes()
    )


def _database_bytes() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    main = str(connection.settings_dict["NAME"])
    files = [Path(main + end) for end in ("", "-wal")]
    return sum(file.stat().st_size for file in files if file.exists())
