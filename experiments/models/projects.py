"""Projects: named groups of runs. To clients of MLflow they are experiments."""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User, Workspace


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> Self:
        """Those that are not in the trash."""
        return self.filter(workspace__memberships__user=user, deleted_at=None)


class Project(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="projects")
    slug = models.SlugField(max_length=64)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=10_000)
    # The number that sums a run up on the home page and by which the table sorts at first.
    main_metric = models.CharField(max_length=250, blank=True)
    main_metric_direction = models.CharField(
        max_length=8,
        choices=[("min", "lower is better"), ("max", "higher is better")],
        default="min",
    )
    # For clients of MLflow: its name unless that is the slug, and where its files go unless here.
    experiment_name = models.CharField(max_length=500, blank=True)
    artifact_location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(null=True, blank=True)  # renamed, deleted, restored
    deleted_at = models.DateTimeField(null=True, blank=True)  # in the trash since

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="one_project_per_slug"),
            models.UniqueConstraint(
                fields=["workspace", "experiment_name"],
                condition=~models.Q(experiment_name=""),
                name="one_project_per_experiment_name",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class ProjectTag(models.Model):
    """A named text of a project, written by clients of MLflow."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=250)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_project_tag_per_name"),
        ]
