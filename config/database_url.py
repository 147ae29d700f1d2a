"""`METASCOPE_DATABASE_URL`: where a PostgreSQL server keeps what SQLite otherwise keeps in a file.

postgres://user:password@host:port/name?sslmode=verify-full
postgres://user@/name?host=/var/run/postgresql        (a folder with the server's socket)
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from config.refusal import StartRefused

SCHEMES = ("postgres", "postgresql")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What may follow the "?"; libpq knows them by these names.
OPTIONS = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
FORM = "postgres://user:password@host:port/name"
CONNECT_TIMEOUT_S = 10
# As long as SQLite's writers wait for each other; and a process that was frozen or cut off within a
# transaction gives back its locks.
SESSION = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=120s"


def parse(name: str, url: str) -> dict[str, Any]:
    """Django's description of the database that `url`, the value of variable `name`, names.

    Raises StartRefused with a sentence that does not repeat the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # What is no port may be half of a password that has a '#' or a '/' in it.
        problem = "no host and port after the '@'; in a password write %23 for #, %2F for /"
        raise _refused(name, problem) from None
    if parts.scheme not in SCHEMES:
        raise _refused(name, f"it begins with neither of {', '.join(f'{s}://' for s in SCHEMES)}")
    if parts.fragment:
        raise _refused(name, "it has a '#'; in a password write %23 for it")
    options = _options(name, parts)
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise _refused(name, "the name of one database must follow the host")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,  # a server that was started again costs no request
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_S, "options": SESSION, **options},
    }


def without_password(described: Mapping[str, Any]) -> str:
    """The database as people name it, for messages."""
    host = described["HOST"] or "the local socket"
    port = f":{described['PORT']}" if described["PORT"] else ""
    return f"{described['NAME']} on {host}{port}"


def _options(name: str, parts: SplitResult) -> dict[str, Any]:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _refused(name, "what follows the '?' is not of the form option=value") from None
    options: dict[str, Any] = {}
    for option, value in pairs:
        if option not in OPTIONS:
            raise _refused(name, f"option {option!r} is not one of {', '.join(OPTIONS)}")
        if option in options or not value:
            raise _refused(name, f"give option {option!r} one value")
        options[option] = value
    if options.get("sslmode", SSL_MODES[0]) not in SSL_MODES:
        raise _refused(name, f"sslmode is one of {', '.join(SSL_MODES)}")
    if not options.get("connect_timeout", "1").isdecimal():
        raise _refused(name, "connect_timeout is a number of seconds")
    return options


def _refused(name: str, problem: str) -> StartRefused:
    return StartRefused(f"{name} is not understood ({problem}): use {FORM}.")
