"""`{% icon "name" %}`: the line icons of the interface, 16 by 16, drawn in the text colour."""

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SHAPES = {
    "search": '<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3 3"/>',
    "home": '<path d="M2.5 7 8 2.5 13.5 7v6.5h-4v-4h-3v4h-4z"/>',
    "runs": '<path d="M2.5 4h11M2.5 8h11M2.5 12h7"/>',
    "compare": '<path d="M5 2.5v11M11 2.5v11M2.5 5.5h5M8.5 10.5h5"/>',
    "job": '<rect x="2.5" y="2.5" width="11" height="3" rx="1"/><path d="M2.5 9h11M2.5 12.5h7"/>',
    "queue": '<path d="M2.5 3.5h11v3h-11zM2.5 9.5h11v3h-11z"/>',
    "curve": '<path d="M2 9c2-7 4-7 6-1s4 6 6-1"/><circle cx="5" cy="4.2" r="1"/>',
    "help": (
        '<circle cx="8" cy="8" r="6"/>'
        '<path d="M6.3 6.2a1.8 1.8 0 1 1 2.4 1.9c-.5.2-.7.5-.7 1.1M8 11.3v.1"/>'
    ),
    "theme": '<path d="M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z"/>',
    "link": (
        '<path d="M6.5 9.5 9.5 6.5M7 4.5l1.3-1.3a2.6 2.6 0 0 1 3.7 3.7L10.7 8.2'
        'M9 11.5l-1.3 1.3A2.6 2.6 0 0 1 4 9.1l1.3-1.3"/>'
    ),
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "close": '<path d="m4 4 8 8M12 4l-8 8"/>',
    "retry": '<path d="M13 8a5 5 0 1 1-1.5-3.5M13 2.5V5h-2.5"/>',
    "undo": '<path d="M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6"/>',
    "redo": '<path d="m10 3 3 3-3 3M13 6H6.5a3.5 3.5 0 0 0 0 7H10"/>',
    "warn": '<path d="M8 2.5 14 13H2zM8 6.5v3M8 11.3v.1"/>',
    "bolt": '<path d="M9 2 3.5 9H8l-1 5 5.5-7H8z"/>',
    "file": '<path d="M4 2.5h5l3 3v8H4zM9 2.5v3h3"/>',
    "folder": '<path d="M2.5 12.5v-9h4l1.5 2h5.5v7z"/>',
    "box": '<path d="M8 2 13.5 5v6L8 14 2.5 11V5zM2.5 5 8 8l5.5-3M8 8v6"/>',
    "trash": '<path d="M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.5v4.5M9.3 6.5v4.5"/>',
    "download": '<path d="M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10"/>',
    "enlarge": '<path d="M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9"/>',
    "full": '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>',
    "twist": '<path d="m6 3.5 4.5 4.5L6 12.5"/>',
    "filter": '<path d="M2.5 4h11M4.5 8h7M6.5 12h3"/>',
    "columns": '<rect x="2.5" y="3" width="11" height="10" rx="1"/><path d="M6.2 3v10M9.8 3v10"/>',
    "copy": (
        '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M3.5 10.5h-1v-8h8v1"/>'
    ),
    "stop": '<rect x="4" y="4" width="8" height="8" rx="1"/>',
    "more": '<path d="M3.5 8h.1M8 8h.1M12.5 8h.1" stroke-width="2.4"/>',
    "flag": '<path d="M4 14V2.5h8L10 5.5l2 3H4"/>',
    "key": '<circle cx="5.5" cy="10.5" r="3"/><path d="m7.7 8.3 5.3-5.3M11 5l2 2"/>',
    "people": (
        '<circle cx="6" cy="5.5" r="2.5"/><path d="M1.5 13.5c.4-3 2-4.5 4.5-4.5s4.1 1.5 4.5 4.5'
        'M10.5 3.3a2.4 2.4 0 0 1 0 4.4M12 9.6c1.5.6 2.3 2 2.5 3.9"/>'
    ),
    "tag": '<path d="M2.5 2.5h5l6 6-5 5-6-6zM5 5.1v-.1"/>',
    "archive": '<path d="M2.5 3h11v3h-11zM3.5 6v7h9V6M6.5 8.5h3"/>',
    "bell": '<path d="M4 11.5V7a4 4 0 0 1 8 0v4.5l1.5 1h-11zM6.7 14.2h2.6"/>',
    "leave": '<path d="M9.5 3h-6v10h6M7 8h7M11.5 5.5 14 8l-2.5 2.5"/>',
}


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """The icon `name`. Decorative: hidden from screen readers, so put words beside it."""
    classes = f"i {css}".strip()
    # Only literals of this module reach the page.
    return mark_safe(
        f'<svg class="{classes}" viewBox="0 0 16 16" aria-hidden="true">{SHAPES[name]}</svg>'
    )
