"""The registry of models: names that stay while their versions change."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User, Workspace
from experiments.models.artifacts import ArtifactVersion
from experiments.models.inputs import LoggedModel
from experiments.models.projects import Project
from experiments.models.runs import Run


class RegisteredModel(models.Model):
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="registered_models"
    )
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True, max_length=10_000)
    last_number = models.PositiveIntegerField(default=0)  # numbers of deleted versions stay used
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], name="one_registered_model_per_name"
            ),
        ]


class ModelVersion(models.Model):
    class Stage(models.TextChoices):
        NONE = "None"
        STAGING = "Staging"
        PRODUCTION = "Production"
        ARCHIVED = "Archived"

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=1000)  # as given
    location = models.CharField(max_length=1000)  # where its files are, for clients of MLflow
    # Whose its files are, below `folder`; none of the three where they are elsewhere. They are not
    # erased while it is registered.
    logged_model = models.ForeignKey(
        LoggedModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="versions"
    )
    artifact_version = models.ForeignKey(
        ArtifactVersion, null=True, blank=True, on_delete=models.RESTRICT,
        related_name="registrations",
    )  # fmt: skip
    files_run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.RESTRICT, related_name="registrations"
    )
    folder = models.CharField(max_length=1000, blank=True)
    source_run_id = models.CharField(max_length=64, blank=True)  # stays when the run is erased
    # Where its files and its run are: who is shut out of one of the two learns nothing of either.
    files_project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    run_project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    run_link = models.CharField(max_length=1000, blank=True)
    description = models.TextField(blank=True, max_length=10_000)
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.NONE)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "number"], name="one_model_version_per_number"
            ),
        ]


class RegistryTag(models.Model):
    """A named text of a registered model, or of one version of it."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="tag_rows")
    version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.CASCADE, related_name="tag_rows"
    )
    key = models.CharField(max_length=250)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "key"],
                condition=models.Q(version=None),
                name="one_tag_per_registered_model",
            ),
            models.UniqueConstraint(
                fields=["version", "key"],
                condition=models.Q(version__isnull=False),
                name="one_tag_per_model_version",
            ),
        ]


class ModelAlias(models.Model):
    """A name that points to one version of a registered model."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "name"], name="one_model_alias_per_name"),
        ]
