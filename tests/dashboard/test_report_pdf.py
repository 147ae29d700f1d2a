"""A report on paper: everything that its page says, and nothing that acts."""

import re

import pytest

from dashboard.reports.pdf import pdf
from dashboard.reports.sheet import Sheet
from experiments import reports
from tests import factories
from tests.dashboard.compared_runs import compared_runs
from tests.dashboard.test_reports import HOSTILE, TEXT

pytestmark = pytest.mark.django_db

MARKDOWN = """# Head

A [link](https://example.com/a), one [inside](/runs/x/), **bold**, *slanted*, `code`.

1. first
2. second
   - below

> said

| a | b |
|---|---|
| <b>1</b> | 2 |

```python
print("<b>")
```

---

漢字 and 🙂 that no font of ours has.
"""


@pytest.fixture
def project():
    project = factories.make_project(factories.make_workspace("lab", ada="member"), "sinusoid")
    compared_runs(project)
    return project


@pytest.fixture
def written(monkeypatch):
    """What a sheet was given to write, in order."""
    texts = []
    write, lines, grid = Sheet.write, Sheet.lines, Sheet.grid

    def noted_write(sheet, height, text, link=""):
        texts.append(text)
        return write(sheet, height, text, link)

    def noted_lines(sheet, text, *args, **look):
        texts.append(text)
        return lines(sheet, text, *args, **look)

    def noted_grid(sheet, heads, rows, numbers):
        texts.extend(text for row in (heads, *rows) for text in row)
        return grid(sheet, heads, rows, numbers)

    monkeypatch.setattr(Sheet, "write", noted_write)
    monkeypatch.setattr(Sheet, "lines", noted_lines)
    monkeypatch.setattr(Sheet, "grid", noted_grid)
    return texts


def of(project, text, title="Found"):
    return reports.create(project, user=factories.make_user("ada"), title=title, text=text)


def links_of(content):
    return re.findall(rb"/URI \((.*?)\)", content)


def test_all_of_a_report_is_on_paper(project, written):
    content = pdf(of(project, TEXT))

    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    said = " ".join(written)
    assert "What we found" in said
    assert "Loss of MAML" in said
    assert "maml: last 0.2" in said
    assert "is better than A pretrained" in said or "is better than" in said
    assert "All runs" in written
    assert "pretrained" in written


def test_markdown_is_laid_out_and_only_outward_links_lead_anywhere(project, written):
    content = pdf(of(project, MARKDOWN))

    assert links_of(content) == [b"https://example.com/a"]
    said = "|".join(written)
    assert "1. |first" in said
    assert "2. |second" in said
    assert "• |below" in said
    assert "<b>1</b>" in written
    assert 'print("<b>")' in written


def test_hostile_text_is_text(project, written):
    content = pdf(of(project, HOSTILE, title="<img src=x> (a) \\"))

    assert "<img src=x> (a) \\" in written
    assert b"/JavaScript" not in content
    assert b"/Launch" not in content
    assert all(one.startswith(b"https://evil.example") for one in links_of(content))


def test_very_long_words_and_many_columns_find_room(project):
    columns = ", ".join(f"params.{letter * 30}" for letter in "abcdefghijkl")
    text = f"{'x' * 5000}\n\n```metascope-runs\ncolumns: {columns}\n```\n"

    assert pdf(of(project, text)).startswith(b"%PDF-")


def test_deep_lists_end_before_the_paper_does(project):
    text = "\n".join("  " * depth + f"- {depth}" for depth in range(60)) + "\n\n" + "> " * 60 + "x"

    assert pdf(of(project, text)).startswith(b"%PDF-")


def test_members_and_guests_take_it_along(client, project):
    report = of(project, TEXT)
    _, secret = reports.share(report, user=factories.make_user("ada"), days=1)

    guest = client.get(f"/shared/{secret}/export.pdf")
    client.force_login(factories.make_user("ada"))
    member = client.get(f"/reports/{report.pk}/export.pdf")

    for answer in (guest, member):
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'attachment; filename="Found.pdf"'
        assert answer.content.startswith(b"%PDF-")
