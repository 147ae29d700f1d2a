"""Characters that turn the direction of text around, shown as what they are.

Such a character in a name would show what follows it in another order, up to the end of the line:
text that is not the name's too. Names written from right to left need none of them.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

# Embeddings, overrides, isolates and what ends them.
CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ENCODED = tuple(chr(code).encode() for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_MARK = '<span class="turns" title="A character that turns the direction of text">{}</span>'
# Parts of a page: raw text, which stays as it is; what holds text and no elements; tags; text.
_PARTS = re.compile(
    r"(?P<raw><(?P<name>script|style|textarea)\b.*?</(?P=name)\s*>|<!--.*?-->)"
    r"|(?P<plain><(?P<holder>title|option|svg)\b.*?</(?P=holder)\s*>)"
    r"|(?P<tag><[a-zA-Z/!](?:[^>\"']|\"[^\"]*\"|'[^']*')*>)"
    r"|(?P<text>[^<]+|<)",
    re.DOTALL | re.IGNORECASE,
)


def visible(text: str) -> str:
    """The text with each of them by its number: "a[U+202E]b"."""
    return CONTROLS.sub(_named, text)


def visible_page(html: str) -> str:
    """The same for what people read of a page. Values of fields stay as they are: they are sent
    back."""
    return _PARTS.sub(_shown, html)


def _named(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


def _marked(found: re.Match[str]) -> str:
    return _MARK.format(_named(found))


def _shown(part: re.Match[str]) -> str:
    if part["text"]:
        return CONTROLS.sub(_marked, part[0])
    if part["plain"]:
        head, end, rest = part[0].partition(">")
        return head + end + visible(rest)
    return part[0]


class VisibleDirections:
    """Shows them in every page and every part of one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if isinstance(answer, HttpResponse) and _is_page(answer):
            content = answer.content
            if any(one in content for one in _ENCODED):
                answer.content = visible_page(content.decode()).encode()
        return answer


def _is_page(answer: HttpResponse) -> bool:
    kind = answer.headers.get("Content-Type", "")
    return kind.startswith("text/html") and "Content-Disposition" not in answer.headers
