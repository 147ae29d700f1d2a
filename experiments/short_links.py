"""Short links: one address of ours for another that is long.

A link opens nothing: it leads to a page that asks who is there, as if its own address had been
opened. Its id is not guessed, so an address tells only those something who were given its link.
"""

import hashlib

from experiments.errors import Conflict, Invalid, NotFound
from experiments.models import ShortLink, User
from experiments.problems import unprintable

LONGEST = 8_000  # what web servers take as an address
MOST = 10_000  # of a person
# Pages that have a state; none of these paths is a secret, as that of a link for signing in is.
PAGES = ("/p/", "/runs/", "/compare/", "/models/", "/w/", "/reports/", "/jobs/new/", "/queue/")


def shorten(address: str, *, user: User) -> tuple[ShortLink, bool]:
    """The link to an address such as "/compare/?runs=a,b#curves", and whether it is new: equal
    addresses share one. Raises Invalid for what is no page with a state, Conflict for too many."""
    address = _checked(address)
    digest = hashlib.sha256(address.encode()).hexdigest()
    known = ShortLink.objects.filter(digest=digest).first()
    if known is not None:
        return known, False
    if ShortLink.objects.filter(created_by=user).count() >= MOST:
        raise Conflict(f"You made {MOST:,} short links: use the long address.", code="too_many")
    return ShortLink.objects.get_or_create(
        digest=digest, defaults={"address": address, "created_by": user}
    )


def find(link_id: str) -> ShortLink:
    """Raises NotFound where there is none of this id."""
    found = ShortLink.objects.filter(pk=link_id).first()
    if found is None:
        raise NotFound("There is no such short link. Ask for the long address.")
    return found


def _checked(address: str) -> str:
    path = address.partition("?")[0].partition("#")[0]
    problem = ""
    if len(address) > LONGEST:
        problem = f"Use at most {LONGEST:,} characters."
    elif unprintable(address) or not address.isascii() or "\\" in address or " " in address:
        problem = "Write it as in the address bar, with %-escapes."
    elif not path.startswith(PAGES) or "//" in path or "/.." in path:
        problem = f"Use the path of a page: one below {', '.join(PAGES)}."
    if problem:
        raise Invalid(f"address: {problem}", fields={"address": [problem]})
    return address
