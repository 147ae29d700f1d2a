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
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

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


def parse(text: str) -> list[Token]:
    """The blocks of a text, in order; `html` makes HTML of any run of them."""
    return _MARKDOWN.parse(text)


def html(tokens: Sequence[Token], *, top_heading: int) -> SafeString:
    """As `render`, of a page whose lines are wrapped where their author's editor wraps them."""
    changed: Any = {**_MARKDOWN.options, "breaks": False}
    options = OptionsDict(changed)
    found: str = _MARKDOWN.renderer.render(list(tokens), options, {"top_heading": top_heading})
    return mark_safe(found)


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
    top = env.get("top_heading", TOP_HEADING)
    token = tokens[place]
    written = token.tag
    token.tag = f"h{min(6, int(written[1:]) + top - 1)}"
    shown = self.renderToken(tokens, place, options, env)
    token.tag = written  # whoever renders it again counts from there
    return shown


def _inline(state: StateCore) -> None:
    """As the parser's own rule; but a paragraph that would take long to read stays as written."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        if len(token.content) <= LONGEST:
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
            token.children.append(Token("text", "", 0, content=token.content))


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST}).enable(
        ["table", "strikethrough"]
    )
    made.disable(["image"])  # "!" before a link
    made.validateLink = _is_usual  # type: ignore[method-assign,assignment]
    made.core.ruler.at("inline", _inline)
    for rule, how in (
        ("link_open", _link_open), ("heading_open", _heading), ("heading_close", _heading),
    ):  # fmt: skip
        made.add_render_rule(rule, how)
    return made


_MARKDOWN = _markdown()
