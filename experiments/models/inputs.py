"""What runs read and made, as clients of MLflow tell it: datasets, and models they logged."""

import secrets

from django.db import models
from django.db.models.functions import Now

from experiments.models.documents import DocumentField
from experiments.models.files import Manifest
from experiments.models.projects import Project
from experiments.models.runs import Run


class Dataset(models.Model):
    """A dataset by name and digest; the rest is text that only its client understands."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=500)
    digest = models.CharField(max_length=36)
    source_type = models.CharField(max_length=36, blank=True)
    source = models.TextField(blank=True)
    schema = models.TextField(blank=True)
    profile = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name", "digest"], name="one_dataset_per_digest"
            ),
        ]


class DatasetInput(models.Model):
    """A run read a dataset; the tag `mlflow.data.context` says what for."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="dataset_inputs")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="inputs")
    tags = DocumentField(default=dict)
    context = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "dataset"], name="one_input_per_dataset"),
        ]


def new_model_id() -> str:
    """What clients expect the id of a logged model to look like."""
    return f"m-{secrets.token_hex(16)}"


class LoggedModel(models.Model):
    """A model that a run saved: its files, and what it was measured by."""

    class Status(models.TextChoices):
        PENDING = "LOGGED_MODEL_PENDING"
        READY = "LOGGED_MODEL_READY"
        FAILED = "LOGGED_MODEL_UPLOAD_FAILED"

    id = models.CharField(primary_key=True, max_length=40, default=new_model_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="logged_models")
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="logged_models"
    )
    name = models.CharField(max_length=500)
    model_type = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=32, choices=Status.choices, default=Status.PENDING)
    files = models.ForeignKey(  # made with the first file
        Manifest, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, blank=True)  # in the trash since

    class Meta:
        indexes = [models.Index(fields=["project", "name"], name="logged_models_by_name")]


class LoggedModelText(models.Model):
    """A param or a tag of a logged model."""

    class Kind(models.TextChoices):
        PARAM = "param"
        TAG = "tag"

    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="texts")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.CharField(max_length=250)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "kind", "key"], name="one_text_per_key"),
        ]


class LoggedModelMetric(models.Model):
    """A point that a run logged with the name of a model; it is among the run's points too."""

    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="metrics")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=250)
    dataset_name = models.CharField(max_length=500, blank=True)
    dataset_digest = models.CharField(max_length=36, blank=True)
    timestamp = models.BigIntegerField()  # milliseconds
    step = models.BigIntegerField()
    last = models.FloatField(null=True)  # as in Series: null for NaN and infinities
    last_is = models.CharField(max_length=4, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "model", "key", "dataset_name", "dataset_digest", "run", "timestamp", "step",
                ],
                name="one_model_metric_per_point",
            ),
        ]  # fmt: skip


class LoggedModelUse(models.Model):
    """A run made a logged model, or read it."""

    class Role(models.TextChoices):
        OUTPUT = "output"
        INPUT = "input"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="model_uses")
    model = models.ForeignKey(LoggedModel, on_delete=models.CASCADE, related_name="uses")
    role = models.CharField(max_length=8, choices=Role.choices)
    step = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "model", "role"], name="one_model_use_per_role"),
        ]
