"""Creates projects, runs and jobs, and changes a run's status and what people write on it."""

from experiments.lifecycle.actions import archive, cancel_run, unarchive
from experiments.lifecycle.clients import (
    beat_client_run,
    create_client_run,
    finish_client_run,
    log_client_run,
    report_client_run,
    resume_client_run,
)
from experiments.lifecycle.editing import (
    edit_run,
    set_environment,
    set_notes,
    set_params,
    set_summary,
    set_tags,
)
from experiments.lifecycle.evaluating import EVALUATES, submit_evaluation
from experiments.lifecycle.jobs import submit_job
from experiments.lifecycle.many import (
    archive_many,
    color_many,
    group_many,
    tag_many,
    trash_many,
    unarchive_many,
    untag_many,
)
from experiments.lifecycle.nesting import nest_as_told, set_parent
from experiments.lifecycle.params import flatten
from experiments.lifecycle.projects import create_project, edit_project
from experiments.lifecycle.runs import attach_snapshot, create_run, transition
from experiments.lifecycle.silence import sign_of_life, sweep_silent_runs
from experiments.lifecycle.trash import (
    empty_trash,
    erase,
    restore,
    restore_project,
    trash,
    trash_project,
)

__all__ = [
    "EVALUATES",
    "archive",
    "archive_many",
    "attach_snapshot",
    "beat_client_run",
    "cancel_run",
    "color_many",
    "create_client_run",
    "create_project",
    "create_run",
    "edit_project",
    "edit_run",
    "empty_trash",
    "erase",
    "finish_client_run",
    "flatten",
    "group_many",
    "log_client_run",
    "nest_as_told",
    "report_client_run",
    "restore",
    "resume_client_run",
    "restore_project",
    "set_environment",
    "set_notes",
    "set_params",
    "set_parent",
    "set_summary",
    "set_tags",
    "sign_of_life",
    "submit_evaluation",
    "submit_job",
    "sweep_silent_runs",
    "tag_many",
    "transition",
    "trash",
    "trash_many",
    "trash_project",
    "unarchive_many",
    "untag_many",
    "unarchive",
]
