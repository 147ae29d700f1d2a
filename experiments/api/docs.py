"""How views describe themselves in the OpenAPI document: one decorator for all of them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from experiments.api.fields import Input, Output
from experiments.api.idempotency import HEADER
from experiments.api.pages import MOST_LIMIT

F = TypeVar("F", bound=Callable[..., Any])
Query = tuple[str, type, str]
BYTES = "application/octet-stream"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes bearer tokens."""

    target_class = "experiments.api.auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "ms_ and 40 letters"}


class ErrorDetail(Output):
    code = serializers.CharField(help_text="Stable, for programs: not_found, invalid, ...")
    message = serializers.CharField(help_text="A sentence that says what to do.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Messages by dotted path of the input, such as spec.outer.lr.",
    )
    position = serializers.IntegerField(
        required=False, help_text="Of a filter: the character, from 1, at which it went wrong."
    )
    caret = serializers.CharField(
        required=False, help_text="Of a filter: the text around it, and a ^ below the character."
    )


class ErrorBody(Output):
    error = ErrorDetail()


_ERRORS = {
    400: ("Something sent is wrong; `fields` says what.", "invalid"),
    401: ("No valid token or session.", "not_authenticated"),
    403: ("The role in the workspace is too low.", "denied"),
    404: ("No such thing, or not in a workspace of the caller.", "not_found"),
    409: ("The state does not allow it, or the Idempotency-Key was used.", "conflict"),
}


@functools.cache
def _error(status: int) -> OpenApiResponse:
    description, code = _ERRORS[status]
    example = {"error": {"code": code, "message": description, "fields": {}}}
    return OpenApiResponse(
        ErrorBody, description, examples=[OpenApiExample(code, value=example, response_only=True)]
    )


@functools.cache
def page_of(item: type[Output]) -> Any:
    """The schema of one page of items."""
    return inline_serializer(
        name=f"PageOf{item.__name__}",
        fields={
            "results": item(many=True),
            "next": serializers.URLField(allow_null=True, help_text="Address of the next page."),
        },
    )


def documented(
    operation: str,
    summary: str,
    *,
    answer: type[Output] | None,
    example: Any = None,
    status: int = 200,
    again: str = "",
    body: type[Input] | None = None,
    body_example: Any = None,
    paged: bool = False,
    query: Sequence[Query] = (),
    errors: Sequence[int] = (),
    description: str = "",
    takes_bytes: bool = False,
    gives_bytes: bool = False,
    gives: str = "",
) -> Callable[[F], F]:
    """Describes one method of a view. `operation` is "subject_verb"; a create has status 201.

    `again`: when a create answers 200, with what was created before. `gives`: the content type of
    an answer in text.
    """
    parameters = [OpenApiParameter(name, kind, description=about) for name, kind, about in query]
    if paged:
        parameters += _page_parameters()
        example = {"results": [example], "next": None}
    if status == 201:
        parameters.append(
            OpenApiParameter(
                HEADER,
                str,
                OpenApiParameter.HEADER,
                description="Any unique text: a repeat within 24 hours gets the first answer "
                "again, with the header Idempotent-Replay: true, and creates nothing.",
            )
        )
    examples = []
    if body_example is not None:
        examples.append(OpenApiExample("Request", value=body_example, request_only=True))
    if answer is not None:
        codes = [str(status), *(["200"] if again else [])]
        examples.append(
            OpenApiExample("Answer", value=example, response_only=True, status_codes=codes)
        )
    known = {400, 401, 403, 404, *errors, *((409,) if body or status == 201 else ())}
    schema = page_of(answer) if paged and answer is not None else answer
    answers: dict[Any, Any] = {status: schema}
    if gives_bytes:
        answers = {(status, BYTES): OpenApiTypes.BINARY}
    if gives:
        answers = {(status, gives): OpenApiTypes.STR}
    request: Any = None if body is None else {"application/json": body}
    if takes_bytes:
        request = {BYTES: OpenApiTypes.BINARY}
    if again:
        answers[200] = OpenApiResponse(answer, again)
    decorate: Callable[[F], F] = extend_schema(
        operation_id=operation,
        summary=summary,
        description=description or summary,
        tags=[operation.partition("_")[0]],
        request=request,
        responses={**answers, **{code: _error(code) for code in sorted(known)}},
        parameters=parameters,
        examples=examples,
    )
    return decorate


def _page_parameters() -> list[OpenApiParameter]:
    return [
        OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MOST_LIMIT}."),
        OpenApiParameter("cursor", str, description="From `next` of the page before."),
    ]
