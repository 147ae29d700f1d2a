"""`manage.py upgrade [--check]`: brings the database to this version, after a backup of it."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config import database, restoring
from config.refusal import StartRefused
from experiments.management import postgresql


class Command(BaseCommand):
    help = (
        "Says what would be migrated (--check), or backs up and migrates the data folder of a "
        "stopped instance. ./run migrates by itself, but takes no backup."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit code 1 if there is something"
        )
        parser.add_argument(
            "--backup", type=Path, metavar="TARGET", help="a folder to be made (<data>/backups/...)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        pending = self._pending()
        if not pending:
            self.stdout.write("The database is up to date.")
            return
        for name in pending:
            self.stdout.write(f"to be applied: {name}")
        if options["check"]:
            sys.exit(1)
        if connection.vendor != "sqlite" and not postgresql.have_programs():
            raise CommandError(f"{postgresql.MISSING} Then start ./run, which migrates.")
        try:
            with restoring.stopped(Path(settings.DATA_DIR)):
                self._upgrade(options["backup"] or _beside(pending[0]))
        except StartRefused as refusal:
            raise CommandError(f"Nothing was changed: {refusal}") from refusal

    def _pending(self) -> list[str]:
        if connection.vendor == "sqlite" and not Path(str(_database())).is_file():
            raise CommandError(f"There is no database {_database()}: is METASCOPE_DATA right?")
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            newer = database.unknown_migrations(executor)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be read ({error}): see doctor.") from error
        if newer:
            raise CommandError(f"{database.newer(newer)} {database.OLDER}")
        return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]

    def _upgrade(self, target: Path) -> None:
        target = target.expanduser().resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        call_command("backup", str(target), stdout=self.stdout)
        try:
            database.bring_up_to_date()
        except StartRefused as refusal:
            raise CommandError(f"{refusal} {_way_back(target)}") from refusal
        self.stdout.write("The database is up to date.")
        self.stdout.write(_way_back(target))


def _database() -> object:
    return settings.DATABASES["default"]["NAME"]


def _beside(first: str) -> Path:
    return Path(settings.DATA_DIR) / "backups" / f"before-{first}-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def _way_back(target: Path) -> str:
    if connection.vendor != "sqlite":
        return (
            "The way back: check out the version you had, name an empty database in "
            f"METASCOPE_DATABASE_URL, then `manage.py restore {target}`."
        )
    return (
        f"The way back: check out the version you had, then `manage.py restore {target}`; what was "
        "recorded since the upgrade stays in before-restore-.../."
    )
