"""What the frame of every page asks, each in one statement written out."""

from dataclasses import dataclass

from django.db import connection

from experiments.models import (
    Job,
    Membership,
    Notification,
    Project,
    ProjectRole,
    Role,
    Run,
    User,
    Workspace,
)
from experiments.models.jobs import JobStatus


@dataclass(frozen=True)
class Listed:
    """A project in a list; `runs`: how many it has in its lists, counted up to a limit."""

    id: int
    workspace: str
    slug: str
    runs: int


def newest_projects(user: User, *, limit: int, counted: int) -> list[Listed]:
    """The projects that a user sees, that with the newest run first; runs counted to `counted`."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [counted, user.pk, limit])
        return [Listed(*row) for row in cursor.fetchall()]


def jobs_under_way(user: User) -> int:
    """How many jobs wait or run in the projects in which the user has a role."""
    with connection.cursor() as cursor:
        cursor.execute(_UNDER_WAY, [user.pk])
        return int(cursor.fetchone()[0])


def unread_notifications(user: User) -> int:
    """How many lines of the user's inbox have not been read, of projects that the user still
    sees."""
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, [user.pk])
        return int(cursor.fetchone()[0])


# The projects in which the user `%s` has a role; an admin of the workspace is one in all.
_REACHED = f"""
{Project._meta.db_table} project
JOIN {Membership._meta.db_table} member
    ON member.workspace_id = project.workspace_id AND member.user_id = %s
LEFT JOIN {ProjectRole._meta.db_table} own
    ON own.project_id = project.id AND own.membership_id = member.id
"""
_IS_REACHED = f"""
(own.role IS NULL OR own.role <> '{ProjectRole.NONE}' OR member.role = '{Role.ADMIN.value}')
"""
_LISTED_RUNS = f"{Run._meta.db_table} run WHERE run.archived_at IS NULL AND run.project_id"
_NEWEST = f"""
SELECT id, workspace, slug,
    (SELECT COUNT(*) FROM (SELECT 1 FROM {_LISTED_RUNS} = found.id LIMIT %s) counted)
FROM (
    SELECT project.id, workspace.slug AS workspace, project.slug,
        (SELECT run.created_at FROM {_LISTED_RUNS} = project.id
         ORDER BY run.archived_at, run.created_at DESC LIMIT 1) AS newest
    FROM {_REACHED} JOIN {Workspace._meta.db_table} workspace ON workspace.id = project.workspace_id
    WHERE project.deleted_at IS NULL AND {_IS_REACHED}
    ORDER BY newest DESC NULLS LAST, project.slug LIMIT %s
) found
ORDER BY newest DESC NULLS LAST, slug
"""
_UNDER_WAY = f"""
SELECT COUNT(*) FROM {_REACHED}
JOIN {Run._meta.db_table} run ON run.project_id = project.id
JOIN {Job._meta.db_table} job ON job.run_id = run.id
WHERE job.status IN ('{JobStatus.QUEUED.value}', '{JobStatus.RUNNING.value}') AND {_IS_REACHED}
"""
_UNREAD = f"""
SELECT COUNT(*) FROM {_REACHED}
JOIN {Notification._meta.db_table} line ON line.project_id = project.id
WHERE line.user_id = member.user_id AND line.read_at IS NULL
    AND project.deleted_at IS NULL AND {_IS_REACHED}
"""
