"""The OpenAPI document describes every address; its page works under the site's CSP."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from experiments.api.docs import BYTES
from experiments.api.fields import Input
from tests.api.test_api_routes import METHODS, patterns

WITHOUT_BODY = ("erase", "restore", "cancel", "retry", "heartbeat", "archive", "unarchive",
                "ping")  # fmt: skip


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_document_is_valid_and_without_warnings():
    out = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert "openapi: 3" in out.getvalue()


def test_every_operation_has_a_summary_an_answer_and_an_example(document):
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    served = sum(
        hasattr(entry.callback.view_class, method.lower())
        for _, entry in patterns()
        for method in METHODS
    )

    assert len(operations) == served - 2  # the document and its page
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert {"401", "404"} <= set(operation["responses"]), where
        good = next(one for code, one in operation["responses"].items() if code.startswith("2"))
        files = {BYTES, "text/csv"}
        if "204" not in operation["responses"] and not files & set(good["content"]):
            assert good["content"]["application/json"]["examples"], where
        bare = path.rstrip("/").rpartition("/")[2] in WITHOUT_BODY
        if BYTES in operation.get("requestBody", {}).get("content", {}):
            continue
        if method in ("post", "put", "patch") and not (bare and "requestBody" not in operation):
            assert operation["requestBody"]["content"]["application/json"]["examples"], where


def test_every_example_of_a_request_is_accepted_by_its_view(document):
    examples = {
        name.rpartition(".")[2]: example["value"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for kind, content in operation.get("requestBody", {}).get("content", {}).items()
        if kind != BYTES
        for name, example in (
            (content["schema"]["$ref"].replace("/", "."), one)
            for one in content["examples"].values()
        )
    }
    schemas = {one.__name__.removesuffix("Serializer"): one for one in _inputs(Input)}

    checked = 0
    for name, value in examples.items():
        name = name.removeprefix("Patched").removesuffix("Request")
        if name in schemas:
            serializer = schemas[name](data=value)
            assert serializer.is_valid(), (name, serializer.errors)
            checked += 1
    assert checked >= 15


def _inputs(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _inputs(one)


def test_the_page_has_no_inline_script_and_nothing_from_elsewhere(db):
    client = APIClient()

    page = client.get("/api/v1/docs/", HTTP_ACCEPT="text/html")
    html = page.content.decode()

    assert page.status_code == 200
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL):
        assert "src=" in attributes
        assert not content.strip()
    assert not re.search(r"""(src|href)=["'](https?:)?//""", html)
    assert not re.search(r"\son\w+=", html)
    script = re.search(r'src="(/api/v1/docs/[^"]*)"', html)
    assert script is not None
    assert "SwaggerUIBundle" in client.get(script.group(1)).content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_lists_the_operations_in_a_browser(live_server, context):
    said, foreign = [], []

    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: foreign.append(request.url))
    page.goto(f"{live_server.url}/api/v1/docs/")
    page.wait_for_selector(".opblock", timeout=90_000)
    # Of many operations, those in sight are drawn.
    found = set()
    for _ in range(60):
        found |= set(page.locator(".opblock-summary").all_text_contents())
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(50)

    assert len(found) > 50
    assert said == []
    assert all(url.startswith((live_server.url, "data:", "blob:")) for url in foreign)
