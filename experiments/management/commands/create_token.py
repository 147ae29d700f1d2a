"""`manage.py create_token USER`: an API token for scripts, printed once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction
from django.utils import timezone

from experiments import access, audit
from experiments.errors import DomainError
from experiments.management.database import no_tables
from experiments.models import Membership, Role, Scope, User, Workspace

LONGEST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Prints a new API token alone on the last line. With --new-user the user is made first; "
        "with --workspace the user becomes a member of it; a workspace that does not exist is "
        "made, with the user admin as its admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="user name, for example ada")
        parser.add_argument("--new-user", metavar="NAME", help="make the user, with this full name")
        parser.add_argument("--workspace", metavar="W", help="workspace to be a member of")
        parser.add_argument(
            "--role", choices=Role.values, help="role in that workspace (member); raises or lowers"
        )
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.ADMIN, help="what it may do (admin: all)"
        )
        parser.add_argument("--days", type=int, metavar="N", help="it ends after N days (never)")
        parser.add_argument("--name", default="command line", help="how lists call the token")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["role"] and not options["workspace"]:
            raise CommandError("--role needs --workspace: say in which workspace.")
        try:
            with transaction.atomic(), audit.at_the_command_line():
                secret = self._create(options)
        except DomainError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(no_tables(error)) from error
        self.stdout.write(secret)

    def _create(self, options: dict[str, Any]) -> str:
        user = self._user(options["user"], options["new_user"])
        if options["workspace"]:
            self._join(user, options["workspace"], options["role"])
        elif not user.memberships.exists():
            raise CommandError(
                f"{user.username} is in no workspace, so a token would open nothing: add "
                "--workspace."
            )
        days = options["days"]
        ends = None if days is None else timezone.now() + timedelta(days=min(days, LONGEST_DAYS))
        return access.create_token(
            user=user, name=options["name"], scope=Scope(options["scope"]), expires_at=ends
        )[1]

    def _user(self, username: str, full_name: str | None) -> User:
        user = User.objects.filter(username=username).first()
        if full_name is None:
            if user is None:
                raise CommandError(
                    f'There is no user {username!r}: add --new-user "Full Name" to make one.'
                )
            if not user.is_active:
                raise CommandError(f"The user {username!r} is deactivated.")
            return user
        if user is not None:
            raise CommandError(f"There is a user {username!r} already: leave out --new-user.")
        first, _, last = full_name.strip().partition(" ")
        user = User(username=username, first_name=first[:150], last_name=last[:150])
        user.set_unusable_password()
        try:
            UnicodeUsernameValidator()(username)
            user.full_clean(exclude=["password"])
        except ValidationError as error:
            raise CommandError(f"{username!r} is no user name: {error.messages[0]}") from error
        user.save()
        self.stdout.write(f"Made the user {username}.")
        return user

    def _join(self, user: User, slug: str, role: str | None) -> None:
        """Makes the user a member; an existing membership changes only when --role is given."""
        workspace = Workspace.objects.filter(slug=slug).first()
        if workspace is None:
            self._check_slug(slug)
            # Somebody must be able to administer it, whatever role was asked for.
            operator = access.ensure_first_user()
            workspace = access.create_workspace(slug=slug, name=slug, user=operator)
            self.stdout.write(f"Made the workspace {slug}.")
        member = Membership.objects.filter(workspace=workspace, user=user).first()
        if member is None:
            access.add_member(
                workspace=workspace, username=user.username, role=Role(role or Role.MEMBER)
            )
        elif role:
            access.change_role(member, role=Role(role))

    def _check_slug(self, slug: str) -> None:
        try:
            Workspace(slug=slug, name=slug).full_clean()
        except ValidationError as error:
            raise CommandError(f"{slug!r} is no workspace slug: {error.messages[0]}") from error
