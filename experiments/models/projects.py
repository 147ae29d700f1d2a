"""Projects: named groups of runs. To clients of MLflow they are experiments."""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import Membership, Role, User, Workspace


class ProjectQuerySet(models.QuerySet["Project"]):
    def reached_by(self, user: User, least: Role = Role.VIEWER) -> Self:
        """Those in which the user has at least this role; those in the trash too."""
        allowed = [role for role in Role if role.allows(least)]
        mine = Membership.objects.filter(user=user, role__in=allowed)
        of_workspace = models.Q(workspace__in=mine.values("workspace"))
        here = ProjectRole.objects.that_count(user)
        raised = models.Q(pk__in=here.filter(role__in=allowed).values("project"))
        lowered = models.Q(pk__in=here.exclude(role__in=allowed).values("project"))
        return self.filter((of_workspace & ~lowered) | raised)

    def visible_to(self, user: User) -> Self:
        """Those that are not in the trash."""
        return self.filter(
            ~models.Q(pk__in=shut_from(user)), workspace__memberships__user=user, deleted_at=None
        )


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


class ProjectRoleQuerySet(models.QuerySet["ProjectRole"]):
    def that_count(self, user: User) -> Self:
        """The user's; an admin of the workspace is one in all its projects, whatever they say."""
        return self.filter(membership__user=user).exclude(membership__role=Role.ADMIN)


class ProjectRole(models.Model):
    """A member's role in one project instead of the one in the workspace; "none" shuts out."""

    NONE = "none"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="own_roles")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="own_roles")
    role = models.CharField(max_length=16, choices=[(NONE, "None"), *Role.choices])

    objects = ProjectRoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "membership"], name="one_role_per_project"),
        ]


def shut_from(user: User) -> models.QuerySet[ProjectRole, int]:
    """Ids of the projects that a user may not see, though a member of their workspace."""
    rows = ProjectRole.objects.that_count(user).filter(role=ProjectRole.NONE)
    return rows.values_list("project_id", flat=True)
