"""The dark theme is written twice in tokens.css: by system preference and by explicit choice."""

import re

from django.conf import settings

TOKENS = settings.BASE_DIR / "dashboard" / "static" / "dashboard" / "css" / "tokens.css"


def block(css: str, selector: str) -> dict[str, str]:
    """The custom properties of the rule with this selector."""
    body = css.split(selector, 1)[1].split("{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", body))


def test_both_dark_blocks_say_the_same():
    css = TOKENS.read_text()

    by_system = block(css, ':root:not([data-theme="light"])')
    by_choice = block(css, ':root[data-theme="dark"]')

    assert len(by_choice) > 50
    assert by_system == by_choice


def test_dark_only_redefines_what_light_defines():
    css = TOKENS.read_text()

    assert set(block(css, ':root[data-theme="dark"]')) <= set(block(css, ":root "))
