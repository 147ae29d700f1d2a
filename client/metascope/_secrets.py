"""What is not recorded as it is: values whose name says that they are secret, and secrets that can
be told by how they look."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

MASK = "[masked]"
LEAST_SECRET = 8  # characters: shorter values of variables are found in anything

_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PASSWORDS = frozenset(
    ["password", "passwords", "passwd", "passphrase", "passphrases", "passcode", "pwd"]
)
_SECRETS = _PASSWORDS | frozenset(
    [
        "secret",
        "secrets",
        "credential",
        "credentials",
        "jwt",
        "bearer",
        "authorization",
        "apikey",
        "apikeys",
        "cookie",
    ]
)
_ABOUT = frozenset(  # a password's length and file are told
    [
        "count",
        "dir",
        "env",
        "field",
        "file",
        "folder",
        "length",
        "len",
        "limit",
        "name",
        "path",
        "policy",
        "required",
        "size",
        "type",
    ]
)
_OF_KEYS = frozenset(  # a cache_key and a sort key are none
    [
        "access",
        "account",
        "anthropic",
        "api",
        "auth",
        "aws",
        "azure",
        "cohere",
        "comet",
        "deploy",
        "encryption",
        "gcp",
        "github",
        "gitlab",
        "google",
        "hf",
        "hub",
        "huggingface",
        "kaggle",
        "langsmith",
        "license",
        "master",
        "mistral",
        "neptune",
        "openai",
        "pinecone",
        "private",
        "replicate",
        "secret",
        "sendgrid",
        "sentry",
        "service",
        "session",
        "signing",
        "slack",
        "ssh",
        "storage",
        "stripe",
        "subscription",
        "twilio",
        "wandb",
    ]
)
_OF_PASSES = frozenset(
    ["admin", "db", "key", "proxy", "root", "smtp", "sql", "ssh", "user"]
)  # no two-pass run
_OF_TOKENS = frozenset(
    ["access", "api", "auth", "bearer", "bot", "client", "github", "gitlab", "hf", "hub", "refresh"]
)
_OF_TEXTS = frozenset(  # tokens that models read and write
    [
        "audio",
        "begin",
        "beginning",
        "blank",
        "bos",
        "boundary",
        "class",
        "cls",
        "current",
        "decoder",
        "encoder",
        "end",
        "eos",
        "extra",
        "first",
        "forced",
        "image",
        "last",
        "mask",
        "max",
        "min",
        "n",
        "new",
        "newline",
        "next",
        "num",
        "pad",
        "padding",
        "per",
        "pre",
        "prev",
        "previous",
        "prompt",
        "query",
        "response",
        "sep",
        "separator",
        "source",
        "space",
        "special",
        "start",
        "stop",
        "suppress",
        "target",
        "think",
        "total",
        "unk",
        "unknown",
        "video",
    ]
)
_SWITCHES = frozenset(["has", "is", "no", "require", "requires", "use", "with"])  # use_auth=1

_SCHEME = re.compile("bearer|basic|digest|token|apikey|negotiate", re.IGNORECASE)
_HEADER = re.compile(r"([\w-]+)\s*:\s+\S.*|(authorization)\s*:.+", re.IGNORECASE | re.DOTALL)
_OPEN_HEADER = re.compile(rf"([\w-]+)\s*:\s*(?:{_SCHEME.pattern})?", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer)\s+\S+", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_NAME = re.compile(r"[\w.+~/-]+")
_NAMED = re.compile(r"""(["']?)([\w.-]+)\1\s*[=:]\s*""")
_VALUE = re.compile(r"""\{[^}]*\}|\[[^\]]*\]|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&{}\[\]()"']+""")
_LOOKS = re.compile(  # tokens of GitHub, GitLab, Hugging Face, OpenAI, Slack, AWS, Metascope; JWTs
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|sk-(?:proj-|ant-)?[A-Za-z0-9]{20,}|xox[abprs]-[\w-]{10,}|A(?:KIA|SIA)[0-9A-Z]{16}"
    r"|ms_[A-Za-z0-9]{40}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"
)


def names_a_secret(name: str) -> bool:
    """Whether it says that its value is secret, by its words: `api_key`, `hfToken`, `DB_PASSWORD`;
    not `pad_token`, `max_tokens`, `cache_key`, `author`, `secret_santa`."""
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and words[-1] in ("value", "text", "string"):
        words.pop()
    if not words:
        return False
    *others, last = words
    before = others[-1] if others else ""
    if last in _SECRETS or (last not in _ABOUT and not _PASSWORDS.isdisjoint(others)):
        return True
    if last in ("key", "keys"):
        return before in _OF_KEYS
    if last == "token":
        return before not in _OF_TEXTS
    if last == "tokens":
        return before in _OF_TOKENS
    if last == "pass":
        return not others or before in _OF_PASSES
    return last == "auth" and (not others or others[0] not in _SWITCHES)


def text(given: str) -> str:
    """Without who signs in at an address, without what looks like a token of a known kind."""
    return _LOOKS.sub(MASK, _BEARER.sub(rf"\1 {MASK}", without_password(given)))


def without_password(url: str) -> str:
    """The address without the user and password in it."""
    return _USER.sub("", url)


def options(given: str) -> str:
    """A text of options as `text` leaves it, and without the values that it names secret:
    `api_key=x`, `{"password": "x"}`, `--opts=token=x,lr=1`."""
    found, at = [], 0
    for name in _NAMED.finditer(given):
        if name.end() <= at or not names_a_secret(name[2]):
            continue
        value = _VALUE.match(given, name.end())
        if value:
            found += [given[at : name.end()], MASK]
            at = value.end()
    return text("".join([*found, given[at:]]))


def arguments(given: list[str]) -> list[str]:
    """Arguments whose option names a secret lose their value: `--token x`, `--token=x` and
    `db.password=x`. So do headers, "Authorization: Bearer x", in one argument or in several. So
    does what a variable of the environment that names a secret holds, wherever it stands, and what
    `options` finds in each."""
    known = [
        value
        for name, value in os.environ.items()
        if len(value) >= LEAST_SECRET and name != "PWD" and names_a_secret(name)
    ]
    found: list[str] = []
    hide = False
    for whole in given:
        one = _without_headers(whole)
        name, sign, _ = one.partition("=")
        is_option = name.startswith("-") or (bool(sign) and _NAME.fullmatch(name))
        is_secret = bool(is_option) and names_a_secret(name)
        if hide and not one.startswith("-"):
            found.append(MASK)
        elif is_secret and sign:
            found.append(f"{name}={MASK}")
        else:
            found.append(options(_without(one, known)))
        is_scheme = bool(_SCHEME.fullmatch(whole)) and (hide or whole.lower() == "bearer")
        hide = (is_secret and not sign) or is_scheme or _is_open_header(whole)
    return found


def params(given: Mapping[str, Any]) -> dict[str, Any]:
    """Params or results, plain values, without those whose key, or a key above, names a secret.

    Texts are masked, numbers only where they are a password; other texts are left as `text`
    leaves them, lists of arguments as `arguments` does.
    """
    return {key: _param(value, key, is_secret=False) for key, value in given.items()}


def _param(value: Any, key: str, *, is_secret: bool) -> Any:
    is_secret = is_secret or names_a_secret(key)
    if isinstance(value, Mapping):
        return {name: _param(one, name, is_secret=is_secret) for name, one in value.items()}
    if isinstance(value, list):
        if not is_secret and _are_arguments(value):
            return arguments(value)
        return [_param(one, key, is_secret=is_secret) for one in value]
    if isinstance(value, str):
        return MASK if is_secret and value else text(value)
    if is_secret and isinstance(value, (int, float)) and not isinstance(value, bool):
        words = {word.lower() for word in _WORD.findall(key)}
        return value if _PASSWORDS.isdisjoint(words) else MASK
    return value


def _are_arguments(values: list[Any]) -> bool:
    texts = [one for one in values if isinstance(one, str)]
    return len(texts) == len(values) and any(one.startswith("--") for one in texts)


def _is_open_header(given: str) -> bool:
    """Whether it names a secret whose value, or the rest of it, is the next argument."""
    found = _OPEN_HEADER.fullmatch(given.rpartition("=")[2])
    return bool(found and names_a_secret(found[1]))


def _without_headers(given: str) -> str:
    def hidden(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return f"{name}: {MASK}" if names_a_secret(name) else found[0]

    return _HEADER.sub(hidden, given)


def _without(given: str, secrets: list[str]) -> str:
    for secret in secrets:
        given = given.replace(secret, MASK)
    return given
