"""Who may see and do what: users, workspaces, roles, tokens."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Now

from experiments.models.documents import DocumentField


class Role(models.TextChoices):
    """What a member may do. Each role may do everything the one before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    def allows(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Scope(models.TextChoices):
    """How far a token reaches, whatever its user may. Each does what the one before it does."""

    READ = "read"
    WRITE = "write"  # runs, files, jobs
    ADMIN = "admin"  # all that its user may

    def allows(self, needed: Role) -> bool:
        return list(Role)[list(Scope).index(self)].allows(needed)


class Palette(models.TextChoices):
    """The colours that runs have for a reader; tokens.css and palettes.css define them."""

    STANDARD = "standard"
    SAFE = "safe"  # far apart for eyes that see red, green or blue differently
    GREY = "grey"  # told apart by lightness alone


class User(AbstractUser):
    """A person or a machine account. Access comes only from memberships."""

    palette = models.CharField(max_length=16, choices=Palette.choices, default=Palette.STANDARD)


class Workspace(models.Model):
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(db_default=Now())
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_role_per_workspace"),
        ]


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is kept; the token itself is shown once.

    A token acts for its user in every workspace of that user, unless `workspace` narrows it, and
    as far as its scope reaches.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, blank=True)
    name = models.CharField(max_length=120)
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.ADMIN)
    prefix = models.CharField(max_length=12)  # shown in lists so that people recognise a token
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class SignInLink(models.Model):
    """A link that signs one user in, once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class Invitation(models.Model):
    """A link that makes one person a member of a workspace, once. Only its SHA-256 is kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Role.choices)
    note = models.CharField(max_length=120, blank=True)  # whom it is meant for
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    accepted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class IdempotencyRecord(models.Model):
    """The answer to a create that carried an Idempotency-Key, replayed to repeats for 24 hours."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status_code = models.PositiveSmallIntegerField()
    body = DocumentField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key"),
        ]
