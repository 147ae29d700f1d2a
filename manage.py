#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from config.refusal import StartRefused

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except StartRefused as refusal:  # a METASCOPE_ variable that is not understood
        sys.exit(f"metascope: {refusal}")
