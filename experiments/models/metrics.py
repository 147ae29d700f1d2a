"""Metric storage: a journal of accepted batches, folded into compressed chunks per series.

A point is visible exactly once: in the journal until its batch is folded, in a chunk afterwards.
Folding deletes the journal rows it folded in the transaction that writes the chunks.
"""

from django.db import models
from django.db.models.functions import Now

from experiments.models.projects import Project
from experiments.models.runs import Run


class MetricBatch(models.Model):
    """One accepted batch: many series, columnar and compressed. Never changed.

    `payload` is null once folded: the row stays, so that a late retry is still a no-op.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metric_batches")
    client = models.CharField(max_length=64)
    number = models.BigIntegerField()
    fingerprint = models.CharField(max_length=64)  # the same number with other content is refused
    points = models.PositiveIntegerField()
    payload = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "client", "number"], name="one_batch_per_number"
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "id"],
                name="unfolded_batches",
                condition=models.Q(payload__isnull=False),
            ),
        ]


class Series(models.Model):
    """The summary of one metric of one run; the run table filters and sorts on these rows.

    `last` is the value at the largest step, of equal steps the latest. `least` and `most` are
    over finite values only. Null stands for "no finite value"; `last_is` says nan, inf or -inf
    where `last` is null.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="series")
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    key = models.CharField(max_length=250)
    count = models.BigIntegerField(default=0)
    nonfinite = models.BigIntegerField(default=0)
    first_step = models.BigIntegerField(null=True)
    last_step = models.BigIntegerField(null=True)
    last = models.FloatField(null=True)
    last_is = models.CharField(max_length=4, blank=True)
    last_time = models.FloatField(null=True)  # seconds since 1970
    least = models.FloatField(null=True)
    least_step = models.BigIntegerField(null=True)
    most = models.FloatField(null=True)
    most_step = models.BigIntegerField(null=True)
    first_bad_step = models.BigIntegerField(null=True)  # first NaN or infinity
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="one_series_per_key")]
        indexes = [
            models.Index(fields=["project", "key", "last", "run"], name="series_by_last"),
            models.Index(fields=["project", "key", "least", "run"], name="series_by_least"),
            models.Index(fields=["project", "key", "most", "run"], name="series_by_most"),
        ]


class SeriesChunk(models.Model):
    """A few thousand points in (step, arrival) order, and their finest blocks."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    points = models.PositiveIntegerField()
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    data = models.BinaryField()  # zstd: steps int64, times float64, values float64
    pyramid = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "number"], name="one_chunk_per_number"),
        ]
        # All that finding chunks needs: their rows are as long as their bytes.
        indexes = [
            models.Index(
                fields=["series", "first_step", "last_step", "number", "points"],
                name="chunks_in_order",
            )
        ]


class ChunkOverview(models.Model):
    """The coarse blocks of a chunk. In rows of their own, short and side by side: a chart of a
    hundred million points reads these alone. Written and deleted with the chunk.
    """

    chunk_id = models.BigIntegerField(primary_key=True)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="overviews")
    blocks = models.BinaryField()
