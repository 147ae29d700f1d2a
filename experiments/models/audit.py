"""Who did what to what, when and from where: rows that are only ever added."""

from enum import StrEnum
from typing import Any, Never

from django.db import models
from django.db.models.functions import Now

from experiments.models.documents import DocumentField


class Action(StrEnum):
    """What is worth an entry."""

    SIGNED_IN = "user.signed_in"
    SIGN_IN_FAILED = "user.sign_in_failed"
    SIGNED_OUT = "user.signed_out"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    WORKSPACE_CREATED = "workspace.created"
    WORKSPACE_RENAMED = "workspace.renamed"
    MEMBER_ADDED = "member.added"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_REMOVED = "member.removed"
    INVITED = "invitation.created"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_REVOKED = "invitation.revoked"
    PROJECT_ROLE_CHANGED = "project.role_changed"
    PROJECT_TRASHED = "project.trashed"
    PROJECT_RESTORED = "project.restored"
    PROJECT_ERASED = "project.erased"
    RUN_TRASHED = "run.trashed"
    RUN_RESTORED = "run.restored"
    RUN_ERASED = "run.erased"
    FILE_REMOVED = "file.removed"
    ARTIFACT_ERASED = "artifact.erased"
    VERSION_ERASED = "artifact.version_erased"
    RETENTION_CHANGED = "artifact.retention_changed"
    MODEL_DELETED = "model.deleted"
    MODEL_VERSION_DELETED = "model.version_deleted"
    MODEL_STAGE_CHANGED = "model.stage_changed"
    LOGGED_MODEL_TRASHED = "logged_model.trashed"
    JOB_CANCELLED = "job.cancelled"
    COMMENT_REMOVED = "comment.removed"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_REMOVED = "webhook.removed"
    REPORT_REMOVED = "report.removed"
    REPORT_SHARED = "report.shared"
    REPORT_LINK_REVOKED = "report.link_revoked"


class AppendOnly(RuntimeError):
    """Somebody tried to change what happened."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> Never:
        raise AppendOnly("Entries of the audit log are never changed.")

    def delete(self) -> Never:
        raise AppendOnly("Entries of the audit log are never deleted.")


class AuditEntry(models.Model):
    """One act. Names and numbers instead of references: it outlives what it is about."""

    at = models.DateTimeField(db_default=Now())
    action = models.CharField(max_length=40)
    workspace_id = models.BigIntegerField(null=True)  # null: of no workspace, such as a sign-in
    # Whose act, or whose account the command line changed; null: the server's own.
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    token = models.CharField(max_length=12, blank=True)  # prefix of the token that was used
    address = models.CharField(max_length=45, blank=True)
    subject = models.CharField(max_length=300)
    details = DocumentField(default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "-id"], name="audit_of_workspace"),
            models.Index(fields=["actor_id", "-id"], name="audit_of_actor"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Adds the entry; one that is stored stays as it is."""
        if self.pk is not None:
            raise AppendOnly("Entries of the audit log are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise AppendOnly("Entries of the audit log are never deleted.")
