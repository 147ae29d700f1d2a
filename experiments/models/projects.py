"""Projects: named groups of runs."""

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
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True, blank=True)  # in the trash since

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="one_project_per_slug"),
        ]

    def __str__(self) -> str:
        return self.slug
