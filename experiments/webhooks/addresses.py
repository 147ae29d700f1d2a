"""Where webhooks may lead: not into the network behind the server, unless its admin says so.

A member could otherwise have the server ask what only the server reaches: a database, another
machine's admin page, the cloud's metadata service.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from experiments.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """This address may not be called."""


@dataclass(frozen=True)
class Target:
    """A URL in parts; `path` holds the query, too."""

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str) -> Target:
    """The parts of a URL. Raises Refused for what is no plain http or https address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("This is no address: write https://host/path.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise Refused("Write an address that begins with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise Refused("Leave user and password out of the address.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("Use visible ASCII characters, others as %-escapes.")
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    return Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme], path)


def check(url: str) -> None:
    """Raises Invalid for an address that can be told not to be called without looking it up."""
    try:
        target = parse(url)
        literal = _literal(target.host)
        if literal is not None:
            require_allowed(target.host, literal)
    except Refused as error:
        raise Invalid(f"url: {error}", fields={"url": [str(error)]}) from None


def resolve(target: Target) -> list[str]:
    """The addresses of a host that may be called. Raises Refused if one may not, OSError if there
    is none.

    A connection is made to one of these and nothing is looked up again: a name that answers
    differently the second time leads nowhere else.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for text in addresses:
        require_allowed(target.host, ipaddress.ip_address(text.partition("%")[0]))
    return addresses


def require_allowed(host: str, address: Address) -> None:
    """Raises Refused unless the address is public, or named in METASCOPE_WEBHOOK_HOSTS."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if _is_named(host, address):
        return
    if not address.is_global or address.is_multicast:
        raise Refused(
            f"{host} is in a private network ({address}). The server's administrator allows it by "
            "METASCOPE_WEBHOOK_HOSTS."
        )


def _is_named(host: str, address: Address) -> bool:
    for allowed in settings.WEBHOOK_HOSTS:
        try:
            network = ipaddress.ip_network(allowed)
        except ValueError:
            if allowed.lower() == host.lower():
                return True
            continue
        if address in network:
            return True
    return False


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def shown(url: str) -> str:
    """The address without what may be secret in it: chat servers put a key into the path."""
    try:
        target = parse(url)
    except Refused:
        return "an address"
    return f"{target.scheme}://{target.host}:{target.port}"
