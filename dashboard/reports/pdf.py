"""A report as a PDF: the same pieces as its page, drawn on paper."""

from collections.abc import Callable, Mapping
from html import unescape

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from dashboard.charts.drawing import draw
from dashboard.reports import prose
from dashboard.reports.figures import Judged
from dashboard.reports.sheet import SMALL, TEXT, TINY, Sheet
from dashboard.reports.shown import Shown, shown
from dashboard.templatetags.formats import figures, when, whole
from experiments.models import Report

TITLE, BLOCK = 18.0, 11.0


def pdf(report: Report) -> bytes:
    """The whole file."""
    sheet = Sheet(report.title)
    sheet.lines(report.title, TITLE, bold=True)
    about = f"Version {report.version} of a report of {report.project.slug}, as it stood on "
    sheet.lines(f"{about}{when(timezone.now())}.", SMALL, color="var(--text-3)")
    sheet.gap()
    for one in shown(report.project, report.text):
        _KINDS[one.kind](sheet, one)
    return bytes(sheet.output())


def _text(sheet: Sheet, one: Shown) -> None:
    prose.write(sheet, one.piece.tokens)


def _head(sheet: Sheet, title: str) -> None:
    sheet.gap(2)
    if sheet.will_page_break(30):
        sheet.add_page()
    sheet.lines(title, BLOCK, bold=True)
    sheet.gap(1)


def _drawn(sheet: Sheet, one: Shown) -> None:
    found = one.drawn
    assert found is not None
    _head(sheet, one.title)
    if found.empty:
        sheet.lines(found.empty, SMALL, color="var(--text-3)")
        return
    sheet.picture(draw(found.figure))
    for row in one.curves:
        sheet.stroke(row.color)
        summary = row.summary
        numbers = (
            f"last {figures(summary.last)} at step {whole(summary.last_step)}, lowest "
            f"{figures(summary.least)}, highest {figures(summary.most)}, {whole(summary.count)} "
            "points"
        )
        bad = f", {whole(summary.nonfinite)} not finite" if summary.nonfinite else ""
        sheet.lines(f"{row.name}: {numbers}{bad}", SMALL)
    if found.note:
        sheet.lines(found.note, TINY, color="var(--text-3)")
    sheet.gap()


def _verdict(sheet: Sheet, one: Shown) -> None:
    judged = one.judged
    assert judged is not None
    _head(sheet, one.title)
    if judged.problem or judged.view is None:
        sheet.lines(judged.problem, SMALL, color="var(--text-3)")
        return
    _judged(sheet, judged)
    sheet.gap()


def _judged(sheet: Sheet, judged: Judged) -> None:
    view, found, selection = judged.view, judged.evaluated, judged.selection
    assert view is not None
    assert found is not None
    assert selection is not None
    baseline = selection.baseline
    sheet.lines(
        f"{found.name.capitalize()} {found.metric} on common episodes, {found.scored}; baseline "
        f"{baseline.label}.",
        SMALL,
    )
    if view.shut_out:
        names = ", ".join(run.label for run in view.shut_out)
        reasons = ", ".join(view.forbidding)
        sheet.lines(f"Not measured as the baseline was ({reasons}), left out: {names}.", SMALL)
    if view.without:
        sheet.lines(f"Not evaluated: {', '.join(run.label for run in view.without)}.", SMALL)
    if view.pair is not None:
        # The words of the compare page, which are said in one place.
        context = {"selection": selection, "evaluated": found, "view": view}
        said = render_to_string("dashboard/compare/_sentence.html", context)
        for number, sentence in enumerate(said.split("</p>")[:-1]):
            text = " ".join(unescape(strip_tags(sentence)).split())
            sheet.lines(text, SMALL if number else TEXT, bold=not number)
    heads = ("Run", f"{view.unit.capitalize()}, 95 % interval", "p", "N", "Verdict")
    rows = [
        (
            row.compared.label,
            f"{row.difference} {row.interval}".strip() or "–",
            row.p,
            str(row.paired.count) if row.paired else "–",
            row.word,
        )
        for row in view.rows
    ]
    sheet.grid(heads, rows, (False, False, False, True, False))
    if view.pair is not None and view.pair.paired is not None:
        paired = view.pair.paired
        method = f"{paired.interval.method.capitalize()}; p from {paired.test}"
        holm = f", corrected by Holm over {view.verdict.tests} tests; intervals are not corrected"
        sheet.lines(
            f"{method}{holm if view.verdict.tests > 1 else ''}.", TINY, color="var(--text-3)"
        )


def _runs(sheet: Sheet, one: Shown) -> None:
    listed = one.listed
    assert listed is not None
    _head(sheet, one.title)
    if not listed.rows:
        sheet.lines("No run of this project is in this set.", SMALL, color="var(--text-3)")
        return
    heads = ["Name", *(f"{column.title} {column.small}".strip() for column in listed.columns)]
    rows = [[row.run.name, *_cells(row.cells)] for row in listed.rows]
    sheet.grid(heads, rows, [False, *(column.is_number for column in listed.columns)])
    if listed.total > len(listed.rows):
        sheet.lines(
            f"The first {len(listed.rows)} of {listed.total:,}.", TINY, color="var(--text-3)"
        )
    sheet.gap()


def _cells(cells: SafeString) -> list[str]:
    """The texts of a row of a run table."""
    return [unescape(strip_tags(cell)).strip() for cell in cells.split("</td>")[:-1]]


def _problem(sheet: Sheet, one: Shown) -> None:
    sheet.lines(f"This block cannot be shown. {one.problem}", SMALL, color="var(--failed)")
    sheet.lines(one.piece.source.rstrip("\n") or " ", TINY, mono=True, color="var(--text-2)")
    sheet.gap()


_KINDS: Mapping[str, Callable[[Sheet, Shown], None]] = {
    "text": _text,
    "drawn": _drawn,
    "verdict": _verdict,
    "runs": _runs,
    "problem": _problem,
}
