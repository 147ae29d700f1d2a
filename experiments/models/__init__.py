"""Everything that is stored, one module per subject."""

from experiments.models.access import (
    ApiToken,
    IdempotencyRecord,
    Invitation,
    Membership,
    Palette,
    Role,
    Scope,
    SignInLink,
    User,
    Workspace,
)
from experiments.models.artifacts import (
    Artifact,
    ArtifactAlias,
    ArtifactKind,
    ArtifactUse,
    ArtifactVersion,
    BlobUpload,
)
from experiments.models.audit import AuditEntry
from experiments.models.comments import Comment
from experiments.models.evaluations import EpisodeAnswers, Evaluation
from experiments.models.events import (
    Delivery,
    EventKind,
    Notification,
    RunEvent,
    Watch,
    Webhook,
)
from experiments.models.files import Manifest, ManifestFile
from experiments.models.inputs import (
    Dataset,
    DatasetInput,
    LoggedModel,
    LoggedModelMetric,
    LoggedModelText,
    LoggedModelUse,
)
from experiments.models.jobs import Checkpoint, Job, JobAttempt, Worker
from experiments.models.metrics import ChunkOverview, MetricBatch, Series, SeriesChunk
from experiments.models.projects import Project, ProjectRole, ProjectTag
from experiments.models.registry import ModelAlias, ModelVersion, RegisteredModel, RegistryTag
from experiments.models.reports import Report, ReportLink, ReportVersion
from experiments.models.runs import LogChunk, Param, ParamsHash, Rewind, Run, RunStatus, RunTag
from experiments.models.saved_views import SavedView
from experiments.models.short_links import ShortLink
from experiments.models.snapshots import Blob, LeftOut, Snapshot, SnapshotFile

__all__ = [
    "ApiToken",
    "Artifact",
    "ArtifactAlias",
    "ArtifactKind",
    "ArtifactUse",
    "ArtifactVersion",
    "AuditEntry",
    "Blob",
    "BlobUpload",
    "Checkpoint",
    "ChunkOverview",
    "Comment",
    "Dataset",
    "DatasetInput",
    "Delivery",
    "EpisodeAnswers",
    "Evaluation",
    "EventKind",
    "IdempotencyRecord",
    "Invitation",
    "Job",
    "JobAttempt",
    "LeftOut",
    "LogChunk",
    "LoggedModel",
    "LoggedModelMetric",
    "LoggedModelText",
    "LoggedModelUse",
    "Manifest",
    "ManifestFile",
    "Membership",
    "MetricBatch",
    "ModelAlias",
    "ModelVersion",
    "Notification",
    "Palette",
    "Param",
    "ParamsHash",
    "Project",
    "ProjectRole",
    "ProjectTag",
    "RegisteredModel",
    "RegistryTag",
    "Report",
    "ReportLink",
    "ReportVersion",
    "Rewind",
    "Role",
    "Run",
    "RunEvent",
    "RunStatus",
    "RunTag",
    "Scope",
    "SavedView",
    "Series",
    "SeriesChunk",
    "ShortLink",
    "SignInLink",
    "Snapshot",
    "SnapshotFile",
    "User",
    "Watch",
    "Webhook",
    "Worker",
    "Workspace",
]
