"""Texts of strangers in figures: Plotly reads tags in titles, names and hover texts."""

import re

_ALLOWED = re.compile(r"&lt;(/?(?:b|i|sub|sup)|br ?/?)>", re.IGNORECASE)


def plain(text: str) -> str:
    """The text as it is: no tag in it is one."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def templated(text: str) -> str:
    """The same within a template, where %{...} stands for a value."""
    return plain(text).replace("%{", "% {")


def marked(text: str) -> str:
    """The same, but for bold, italic, raised and lowered letters and the ends of lines."""
    return _ALLOWED.sub(r"<\1>", plain(text))


def unmarked(text: str) -> str:
    """What `marked` gives as text for a page: marks dropped, ends of lines as blanks."""
    found = re.sub(r"<br ?/?>", " ", text, flags=re.IGNORECASE)
    found = re.sub(r"</?(?:b|i|sub|sup)>", "", found, flags=re.IGNORECASE)
    return found.replace("&lt;", "<").replace("&amp;", "&")
