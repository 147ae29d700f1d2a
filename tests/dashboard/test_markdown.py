"""Notes are read as Markdown; nothing in them acts, fetches, or leads where it does not say."""

import re

import pytest
from django.test import Client

from dashboard.markdown import LONGEST, render
from tests import factories as make


def test_what_people_write_is_shaped():
    html = render("# Why\n\n**bold** `code`\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |")

    for part in ("<h3>Why</h3>", "<strong>bold</strong>", "<code>code</code>", "<li>one</li>",
                 "<td>2</td>"):  # fmt: skip
        assert part in html


def test_a_link_names_no_referrer_and_a_line_break_stays():
    assert render("see [it](https://a.example/?a=1&b=2)\nhere") == (
        '<p>see <a href="https://a.example/?a=1&amp;b=2" rel="nofollow noopener noreferrer">it</a>'
        "<br />\nhere</p>\n"
    )
    assert 'href="/runs/abc/"' in render("[run](/runs/abc/)")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](vbscript:x) [x](data:text/html;base64,PHNjcmlwdD4=) [x](file:///etc/passwd)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "![x](https://elsewhere.example/spy.png)",
        "![x](data:image/png;base64,AAAA)",
        '[x](https://a.example "\\" onclick=alert(1) x=\\"")',
        "`<script>` and\n\n    <script>\n\n```<script>\n<script>\n```",
        "{{ 7|add:7 }}",
    ],
)
@pytest.mark.parametrize("filler", ["", "a" * LONGEST])
def test_hostile_notes_show_as_text(text, filler):
    html = render(text + filler)

    tags = re.findall(r"<(/?)(\w+)([^>]*)>", html)
    assert {name for _, name, _ in tags} <= {"p", "a", "code", "pre", "br"}
    for closing, name, attributes in tags:
        if name == "a" and not closing:
            assert re.match(r' href="https://[ae]', attributes), attributes
            assert " onclick" not in re.sub(r'"[^"]*"', "", attributes)


@pytest.mark.django_db
def test_the_page_of_a_run_shows_its_notes_so():
    run = make.make_run(notes="**bold** <script>alert(1)</script>")
    make.make_member(run.project.workspace, make.make_user("ada"))
    client = Client()
    client.force_login(make.make_user("ada"))

    text = client.get(f"/runs/{run.pk}/").content.decode()

    assert '<div class="prose"><p><strong>bold</strong> &lt;script&gt;alert(1)' in text
