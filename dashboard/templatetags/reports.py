"""What a report needs to stand alone: its style sheets in the file itself."""

from functools import cache
from pathlib import Path

from django import template
from django.utils.safestring import SafeString

register = template.Library()

STYLES = Path(__file__).parents[1] / "static" / "dashboard" / "css"
SHEETS = ("tokens", "base", "controls", "status", "cards", "states", "tables", "charts", "code",
          "runs", "compare", "run", "reports")  # fmt: skip


@register.simple_tag
def inlined_styles() -> SafeString:
    """The sheets that a report's page loads, as one text."""
    return _inlined()


@cache
def _inlined() -> SafeString:
    # Our own files, and none of them can close the element.
    return SafeString("\n".join((STYLES / f"{sheet}.css").read_text() for sheet in SHEETS))
