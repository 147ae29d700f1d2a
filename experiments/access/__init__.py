"""Who may do what: tokens, one-time sign-in links, roles in workspaces."""

from experiments.access.members import (
    add_member,
    change_role,
    create_workspace,
    ensure_first_user,
    remove_member,
    rename_workspace,
)
from experiments.access.roles import (
    require,
    role_in,
    role_in_run,
    workspaces_of,
)
from experiments.access.sign_in import create_sign_in_link, use_sign_in_link
from experiments.access.tokens import create_token, require_scope, revoke_token, user_for_token

__all__ = [
    "add_member",
    "change_role",
    "create_sign_in_link",
    "create_token",
    "create_workspace",
    "ensure_first_user",
    "remove_member",
    "rename_workspace",
    "require",
    "require_scope",
    "revoke_token",
    "role_in",
    "role_in_run",
    "use_sign_in_link",
    "user_for_token",
    "workspaces_of",
]
