"""The ES modules of a page: each from its source, or all in one file where files are collected."""

from collections.abc import Iterable

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.modules import JOINED, imported

register = template.Library()


@register.simple_tag
def joined_modules() -> SafeString:
    """The file that has all modules and runs those that the page names; once a page."""
    if not settings.SERVES_COLLECTED:
        return SafeString()
    return format_html('<script type="module" src="{}"></script>', static(JOINED))


@register.simple_tag
def modules(*names: str) -> SafeString:
    """Runs these, in their order. From sources, the browser is told at once of all that they
    import, which it would find one by one."""
    if settings.SERVES_COLLECTED:
        return _each('<meta name="module" content="{}">', names)
    files = [
        [static(f"dashboard/js/{name}") for name in some] for some in (imported(*names), names)
    ]
    preloads = _each('<link rel="modulepreload" href="{}">', files[0])
    return preloads + _each('<script type="module" src="{}"></script>', files[1])


def _each(tag: str, values: Iterable[str]) -> SafeString:
    return format_html_join("", tag, ((value,) for value in values))
