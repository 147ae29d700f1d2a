"""`manage.py sign_in_link USER`: the path of a page that signs one user in, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from experiments import access
from experiments.management.database import no_tables
from experiments.models import User


class Command(BaseCommand):
    help = "Prints a one-time sign-in path, to be opened on this server's address."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", nargs="?", default="admin")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = User.objects.filter(username=options["user"], is_active=True).first()
        except DatabaseError as error:
            raise CommandError(no_tables(error)) from error
        if user is None:
            raise CommandError(f"There is no active user {options['user']!r}.")
        self.stdout.write(f"/sign-in/{access.create_sign_in_link(user=user)}/")
