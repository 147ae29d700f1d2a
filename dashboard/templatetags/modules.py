"""Tells browsers at once of every module that a page's scripts import, which they would find one by
one."""

import re
from functools import cache
from pathlib import Path

from django import template
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

FOLDER = Path(__file__).resolve().parent.parent / "static" / "dashboard" / "js"
_IMPORT = re.compile(r"""^(?:import|export)\b[^'";]*['"]\./([\w-]+\.js)['"]""", re.MULTILINE)


@register.simple_tag
def imports(*names: str) -> SafeString:
    """Links that preload what these modules import, and what that imports."""
    rows = [(static(f"dashboard/js/{name}"),) for name in imported(*names)]
    return format_html_join("", '<link rel="modulepreload" href="{}">', rows)


@cache
def imported(*names: str) -> tuple[str, ...]:
    """The names of all modules that these import, directly or not, without themselves."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        for name in _IMPORT.findall(Path(f"{FOLDER}/{waiting.pop(0)}").read_text(encoding="utf-8")):
            if name not in found and name not in names:
                found[name] = None
                waiting.append(name)
    return tuple(found)
