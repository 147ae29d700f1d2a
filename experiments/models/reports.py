"""Reports: markdown pages of a project with live panels, their versions, and links for guests."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User
from experiments.models.projects import Project


class Report(models.Model):
    """A page as it stands. `version` counts its states; each is kept as a `ReportVersion`."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, max_length=100_000)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.title


class ReportVersion(models.Model):
    """What a report said once. Never changed."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, max_length=100_000)
    written_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="one_report_per_version"),
        ]


class ReportLink(models.Model):
    """A link by which a guest reads a report. Only its SHA-256 is kept."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="links")
    note = models.CharField(max_length=120, blank=True)  # whom it is meant for
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
