"""A state of a project's run table under a name."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User
from experiments.models.projects import Project


class SavedView(models.Model):
    """Filter, order, columns and the like, as the table's address has them after its "?"."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True, max_length=8_000)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_view_per_name"),
        ]

    def __str__(self) -> str:
        return self.name
