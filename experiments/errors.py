"""What can go wrong in the domain. The API and the pages map these to one error shape."""

from collections.abc import Mapping


class DomainError(Exception):
    """Base of all errors a caller can act on.

    `fields` maps a dotted path of the input ("spec.outer.lr") to the messages about it; `details`
    are what else the API says of it.
    """

    code = "error"
    details: Mapping[str, str | int] = {}

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: Mapping[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = dict(fields or {})


class Invalid(DomainError):
    """The input cannot be taken (400)."""

    code = "invalid"


class Denied(DomainError):
    """The caller may see this but not do that (403)."""

    code = "denied"


class NotFound(DomainError):
    """There is no such thing, or not for this caller (404)."""

    code = "not_found"


class Conflict(DomainError):
    """The state does not allow it (409)."""

    code = "conflict"


class TooLarge(DomainError):
    """The body is over its limit (413)."""

    code = "too_large"


class Superseded(Conflict):
    """A later attempt owns this job; the caller must stop and write nothing more."""

    code = "superseded"


class Unavailable(DomainError):
    """Something that this needs cannot be reached now; asking again later helps (503)."""

    code = "unavailable"
