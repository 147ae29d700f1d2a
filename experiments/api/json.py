"""JSON in and out, strictly: what was sent is what is stored, or it is refused."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer

from experiments import floats
from experiments.api.fields import type_name
from experiments.errors import Invalid, TooLarge

DEEPEST = 64
LEAST, MOST = -(2**63), 2**63 - 1
_PATH_SHOWN = 200


class StrictJSONParser(BaseParser):
    """Reads a body, one JSON object; raises Invalid or TooLarge with what to change."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return object_of(read_limited(stream))


def object_of(body: bytes) -> dict[str, Any]:
    """The object that a body is. Raises Invalid."""
    value = loads(body)
    if not isinstance(value, dict):
        raise Invalid(
            f'Send one JSON object ({{"name": value, ...}}), not {type_name(value)}.',
            code="malformed_json",
        )
    return value


def read_limited(stream: IO[Any]) -> bytes:
    """The body's bytes. Raises TooLarge."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise too_large()
    return body


def too_large() -> TooLarge:
    """The error for a body over the limit, which it names."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return TooLarge(
        f"The body is over the limit of {limit:,} bytes: send it in smaller parts, or raise "
        "METASCOPE_MAX_BODY_BYTES."
    )


def loads(body: bytes) -> Any:
    """The value of a JSON text. Refused: NaN and Infinity literals, numbers out of range, keys

    given twice, nesting deeper than 64, NUL characters and lone surrogates.
    """
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"{error.msg} at {where}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # Python refuses to read a number of thousands of digits
        raise _malformed("it holds a number of too many digits") from None
    _check(value)
    return value


def _malformed(what: str) -> Invalid:
    return Invalid(f"The body is not JSON: {what}.", code="malformed_json")


def _too_deep() -> Invalid:
    return Invalid(f"The body is nested deeper than {DEEPEST} levels.", code="malformed_json")


def _refuse_constant(name: str) -> None:
    raise Invalid(
        f"The body is not JSON: it holds {name}. Send the string "
        f'"{name.lower().replace("infinity", "inf")}" where a metric value is meant.',
        code="malformed_json",
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, part in pairs:
        if key in value:
            raise Invalid(
                f"The body has the key {key[:60]!r} twice in one object.", code="malformed_json"
            )
        value[key] = part
    return value


def _check(root: Any) -> None:
    """Refuses what the database could not keep as sent. A stack, not recursion: depth is input."""
    stack: list[tuple[Any, str, int]] = [(root, "", 1)]
    while stack:
        value, path, depth = stack.pop()
        if depth > DEEPEST:
            raise _too_deep()
        if type(value) is dict:
            for key, part in value.items():
                where = f"{path}.{key[:60]}" if path else key[:60]
                _check_text(key, where)
                _check_part(part, where, depth, stack)
        elif type(value) is list:
            for index, part in enumerate(value):
                kind = type(part)  # numbers in range are most of a metric batch: no path for them
                if kind is float and math.isfinite(part) or kind is int and LEAST <= part <= MOST:
                    continue
                _check_part(part, f"{path}[{index}]", depth, stack)
        else:
            _check_part(value, path or "body", depth, stack)


def _check_part(part: Any, path: str, depth: int, stack: list[tuple[Any, str, int]]) -> None:
    kind = type(part)
    if kind is dict or kind is list:
        stack.append((part, path[:_PATH_SHOWN], depth + 1))
    elif kind is str:
        _check_text(part, path)
    elif kind is int:
        if not LEAST <= part <= MOST:
            raise _bad(path, f"Is out of range: whole numbers go from {LEAST} to {MOST}.")
    elif kind is float and not math.isfinite(part):
        raise _bad(path, "Is out of range: numbers go up to about 1.8e308.")


def _check_text(text: str, path: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise _bad(path, "Holds a NUL character, which cannot be stored.")
        return
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _bad(path, "Holds a NUL character or a lone surrogate, which cannot be stored.")


def _bad(path: str, message: str) -> Invalid:
    path = path.encode("ascii", "backslashreplace").decode().replace("\0", "\\0")
    return Invalid(f"{path}: {message}", fields={path: [message]})


class StrictJSONRenderer(JSONRenderer):
    """Writes JSON that every parser reads: NaN and infinity are "nan", "inf" and "-inf"."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except ValueError:  # a number that JSON does not have; rare, so looked for only now
            return super().render(named(data), accepted_media_type, renderer_context)


class ColumnsRenderer(BaseRenderer):
    """Writes long arrays of NumPy's, a hundred times as fast as lists above; NaN becomes null.

    For views that say so.
    """

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)


def named(value: Any) -> Any:
    """The same data with NaN and infinity as their names."""
    if isinstance(value, float):
        return floats.to_json(value)
    if isinstance(value, Mapping):
        return {key: named(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [named(part) for part in value]
    return value
