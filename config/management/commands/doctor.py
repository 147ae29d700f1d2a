"""`manage.py doctor [--all] [--json]`: what is wrong, and how to mend it."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from config import doctor


class Command(BaseCommand):
    help = (
        "Looks at the database, its files, the parts, the queue and the settings, changes nothing, "
        "and says what is wrong and how to mend it. The exit code is 1 when something is."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--all", action="store_true", help="read every stored file, not a sample"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = doctor.examine(thorough=options["all"])
        is_well = not any(found.values())
        if options["json"]:
            shown = {name: [asdict(one) for one in some] for name, some in found.items()}
            self.stdout.write(json.dumps({"ok": is_well, "checks": shown}, indent=2))
        else:
            self._print(found)
        if not is_well:
            sys.exit(1)

    def _print(self, found: dict[str, list[doctor.Finding]]) -> None:
        for name, findings in found.items():
            if not findings:
                self.stdout.write(f"{name}: ok")
            for one in findings:
                self.stdout.write(f"{name}: {one.says}\n    {one.mend}")
