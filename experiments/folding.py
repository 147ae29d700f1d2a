"""Folds journal batches into chunks per series, so that reading stays quick as a run grows.

One transaction writes the chunks and empties the batches: a reader sees a point in one of the two,
and a folder that dies leaves everything as it was. Folders of one run exclude each other, and
recorders, by the lock on the run's row (on SQLite by being the one writer).
"""

from collections.abc import Sequence

from django.db import connection, transaction

from experiments import chunks, journal
from experiments.models import MetricBatch, Run, Series

# Past one of these bounds a run is folded by the request that recorded to it; else by the worker.
BATCHES_UNFOLDED = 128
POINTS_UNFOLDED = 1_048_576
DEAD_PIECES = 16_384  # of folded batches, 2 kB each: 32 MB


def fold_pending(limit: int = 100) -> int:
    """Folds up to `limit` runs that have unfolded batches. Returns how many points were folded."""
    unfolded = MetricBatch.objects.filter(payload__isnull=False)
    runs = list(unfolded.order_by("run_id").values_list("run_id", flat=True).distinct()[:limit])
    return sum(fold_run(run_id) for run_id in runs)


def give_back_room() -> None:
    """Gives back what folded batches took, where that is much; outside of transactions.

    SQLite uses such room again by itself. PostgreSQL does after a VACUUM, which would come within
    a minute or so: until then a quick load takes twice the room of its points.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(_DEAD_PIECES)
        (dead,) = cursor.fetchone()
        if dead >= DEAD_PIECES:
            cursor.execute(f"VACUUM {MetricBatch._meta.db_table}")


_DEAD_PIECES = f"""
SELECT COALESCE(MAX(n_dead_tup), 0) FROM pg_stat_all_tables WHERE relid = (
    SELECT reltoastrelid FROM pg_class WHERE oid = '{MetricBatch._meta.db_table}'::regclass
)
"""


def fold_if_due(run_id: str) -> int:
    """Folds the run when so much is unfolded that reading would slow down. Returns the points."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFOLDED, [run_id])
        batches, points = cursor.fetchone()
    if batches < BATCHES_UNFOLDED and points < POINTS_UNFOLDED:
        return 0
    return fold_run(run_id)


_UNFOLDED = f"""
SELECT COUNT(*), COALESCE(SUM(points), 0) FROM {MetricBatch._meta.db_table}
WHERE run_id = %s AND payload IS NOT NULL
"""


def fold_run(run_id: str) -> int:
    """Folds all batches of a run. Returns how many points were folded; 0 when nothing was left."""
    with transaction.atomic():
        if not Run.objects.select_for_update(no_key=True).filter(pk=run_id).exists():
            return 0
        batches = list(
            MetricBatch.objects.filter(run_id=run_id, payload__isnull=False)
            .order_by("id")
            .values_list("id", "payload")
        )
        if not batches:
            return 0
        points = _by_key([payload for _, payload in batches if payload is not None])
        ids = dict(Series.objects.filter(run_id=run_id).values_list("key", "id"))
        chunks.add({ids[key]: arrived for key, arrived in points.items()})
        emptied = MetricBatch.objects.filter(
            run_id=run_id, id__lte=batches[-1][0], payload__isnull=False
        )
        emptied.update(payload=None)
        return sum(len(arrived[0]) for arrived in points.values())


def _by_key(payloads: Sequence[bytes | memoryview]) -> dict[str, chunks.Columns]:
    """The points of all batches by key, in order of arrival."""
    parts: dict[str, list[chunks.Columns]] = {}
    for payload in payloads:
        for one in journal.unpack(payload):
            parts.setdefault(one.key, []).append((one.steps, one.times, one.values))
    return {key: chunks.join(found) for key, found in parts.items()}
