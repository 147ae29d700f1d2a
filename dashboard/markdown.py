"""What people write, as HTML: the usual Markdown, and nothing that could act or fetch.

HTML in it shows as text. Pictures show as links, as a browser would fetch them from wherever they
are; links of other schemes than the usual stay text.
"""

import re
from collections.abc import Sequence
from typing import Any

from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

LONGEST = 20_000
DEEPEST = 100  # what is nested deeper is left out
SCHEMES = ("http", "https", "mailto")
TOP_HEADING = 3  # the page has those above
_SCHEME = re.compile(r"([^/?#:]*):")


def render(text: str) -> SafeString:
    """Every text is some Markdown; a very long one, which takes long to read, stays as written."""
    if len(text) > LONGEST:
        return mark_safe(linebreaks(text, autoescape=True))
    html: str = _MARKDOWN.render(text)
    return mark_safe(html)


def _is_usual(address: str) -> bool:
    """Whether it leads to this server, or is of a known scheme."""
    scheme = _SCHEME.match(address)
    return scheme is None or scheme[1].lower() in SCHEMES


def _link_open(
    self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any
) -> str:
    tokens[place].attrSet("rel", "nofollow noopener noreferrer")
    return self.renderToken(tokens, place, options, env)


def _heading(
    self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any
) -> str:
    token = tokens[place]
    token.tag = f"h{min(6, int(token.tag[1:]) + TOP_HEADING - 1)}"
    return self.renderToken(tokens, place, options, env)


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST}).enable(
        ["table", "strikethrough"]
    )
    made.disable(["image"])  # "!" before a link
    made.validateLink = _is_usual  # type: ignore[method-assign,assignment]
    for rule, how in (
        ("link_open", _link_open), ("heading_open", _heading), ("heading_close", _heading),
    ):  # fmt: skip
        made.add_render_rule(rule, how)
    return made


_MARKDOWN = _markdown()
