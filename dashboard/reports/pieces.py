"""A report's text cut into markdown and blocks, in order."""

from dataclasses import dataclass

from django.utils.safestring import SafeString
from markdown_it.token import Token

from dashboard import markdown
from dashboard.reports.blocks import PREFIX, Block, parse
from experiments.errors import Invalid

MOST_BLOCKS = 50
TOP_HEADING = 2  # the report's title is above


@dataclass(frozen=True)
class Piece:
    """Markdown as HTML, or the block that is number `place` of the text, or what is wrong with it.

    `tokens` are what the HTML was made of.
    """

    html: SafeString = SafeString("")
    tokens: tuple[Token, ...] = ()
    place: int = 0
    block: Block | None = None
    problem: str = ""
    source: str = ""


def pieces(text: str) -> list[Piece]:
    """All of a report's text."""
    found: list[Piece] = []
    between: list[Token] = []
    count = 0
    for token in markdown.parse(text):
        language = token.info.split()[0] if token.info.strip() else ""
        if token.type != "fence" or token.level or not language.startswith(PREFIX):
            between.append(token)
            continue
        _close(found, between)
        found.append(_piece(language, token.content, count))
        count += 1
    _close(found, between)
    return found


def block_at(text: str, place: int) -> Block | None:
    """The block that is number `place`; None if there is none or it cannot be read."""
    return next((one.block for one in pieces(text) if one.block and one.place == place), None)


def _close(found: list[Piece], between: list[Token]) -> None:
    if between:
        found.append(
            Piece(html=markdown.html(between, top_heading=TOP_HEADING), tokens=tuple(between))
        )
        between.clear()


def _piece(language: str, source: str, place: int) -> Piece:
    if place >= MOST_BLOCKS:
        problem = f"A report shows {MOST_BLOCKS} blocks: this one is left out."
        return Piece(place=place, problem=problem, source=source)
    try:
        return Piece(place=place, block=parse(language, source), source=source)
    except Invalid as error:
        return Piece(place=place, problem=error.message, source=source)
