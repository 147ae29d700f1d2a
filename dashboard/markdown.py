"""Markdown that people wrote, as HTML that cannot do anything.

HTML in the text shows as text; links lead to what is on `SCHEMES`; pictures are not fetched.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

SCHEMES = ("http", "https", "mailto")
LARGEST = 200_000  # characters that are rendered
DEEPEST = 20


def rendered(text: str) -> SafeString:
    """The text as HTML."""
    return html(PARSER.parse(text[:LARGEST]))


def html(tokens: Sequence[Token]) -> SafeString:
    """What the parser made, as HTML: all text in it is escaped by the renderer."""
    return SafeString(PARSER.renderer.render(list(tokens), PARSER.options, {}))


def leads_somewhere(address: str) -> bool:
    """Whether a link may lead there: an allowed scheme, or an address within this site."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme.lower() in SCHEMES
    return not parts.netloc and not address.startswith(("//", "\\"))


def _link_open(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    place: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    tokens[place].attrSet("class", "link")
    tokens[place].attrSet("rel", "nofollow noopener noreferrer")
    return renderer.renderToken(tokens, place, options, env)


def _parser() -> MarkdownIt:
    # Pictures would be fetched from wherever their author says.
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
    parser.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    parser.validateLink = leads_somewhere  # type: ignore[method-assign,assignment]
    parser.add_render_rule("link_open", _link_open)
    return parser


PARSER = _parser()
