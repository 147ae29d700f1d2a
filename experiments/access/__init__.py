"""Who may do what: tokens, one-time sign-in links, roles in workspaces and projects."""

from experiments.access.frame import jobs_under_way, newest_projects, unread_notifications
from experiments.access.invitations import (
    MOST_DAYS,
    accept_invitation,
    create_invitation,
    find_invitation,
    open_invitations,
    register_invited,
    revoke_invitation,
)
from experiments.access.members import (
    add_member,
    change_role,
    create_workspace,
    ensure_first_user,
    remove_member,
    rename_workspace,
)
from experiments.access.preferences import choose_palette
from experiments.access.project_roles import (
    Access,
    members_of_project,
    set_project_role,
)
from experiments.access.roles import (
    Place,
    best_role_in,
    check,
    effective,
    projects_of,
    require,
    role_in,
    role_in_run,
    workspaces_of,
)
from experiments.access.sign_in import create_sign_in_link, use_sign_in_link
from experiments.access.tokens import (
    create_ticket,
    create_token,
    require_scope,
    revoke_token,
    user_for_ticket,
    user_for_token,
)

__all__ = [
    "MOST_DAYS",
    "Access",
    "Place",
    "accept_invitation",
    "add_member",
    "best_role_in",
    "change_role",
    "check",
    "choose_palette",
    "create_invitation",
    "create_sign_in_link",
    "create_ticket",
    "create_token",
    "create_workspace",
    "effective",
    "ensure_first_user",
    "find_invitation",
    "jobs_under_way",
    "members_of_project",
    "newest_projects",
    "open_invitations",
    "projects_of",
    "register_invited",
    "remove_member",
    "rename_workspace",
    "require",
    "require_scope",
    "revoke_invitation",
    "revoke_token",
    "role_in",
    "role_in_run",
    "set_project_role",
    "unread_notifications",
    "use_sign_in_link",
    "user_for_ticket",
    "user_for_token",
    "workspaces_of",
]
