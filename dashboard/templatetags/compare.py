"""What the compare page's templates need: addresses with one control changed, small formats."""

from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from dashboard.templatetags.formats import figures

register = template.Library()


@register.simple_tag(takes_context=True)
def change(context: dict[str, Any], name: str, value: str) -> str:
    """This view's query string with one control changed; an empty value drops it."""
    query: str = context["selection"].query(**{name: value})
    return query


@register.simple_tag(takes_context=True)
def keep(context: dict[str, Any], changed: str) -> SafeString:
    """Hidden inputs that keep the runs and every control but those that the form has itself."""
    selection = context["selection"]
    kept = {**selection.named, **selection.controls}
    rows = [(name, value) for name, value in kept.items() if name not in changed.split()]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', rows)


@register.filter
def magnitude(value: float) -> str:
    """A difference without its sign; an arrow says it."""
    return figures(abs(value))


@register.filter
def file_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


@register.filter
def dasharray(dash: str) -> str:
    """A line's dash as SVG writes it; Plotly has names for some."""
    return {"dot": "2 3"}.get(dash, dash.replace("px", "").replace(",", " "))
