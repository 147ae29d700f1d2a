#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

from config.refusal import StartRefused
from experiments.management import database


def main(arguments: list[str]) -> None:
    """Runs a command, unless it would only make an empty database. Raises StartRefused."""
    needs_one = bool(database.NEED_ONE.intersection(arguments[1:2]))
    if needs_one and (problem := database.missing()):
        raise StartRefused(problem)
    try:
        execute_from_command_line(arguments)
    except OperationalError as error:
        if not needs_one:
            raise
        raise StartRefused(database.no_tables(error)) from error


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        main(sys.argv)
    except StartRefused as refusal:  # a METASCOPE_ variable that is not understood
        sys.exit(f"metascope: {refusal}")
