"""The paper of a report: A4 pages with our fonts, and drawings on them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fpdf import FPDF

from dashboard.charts.drawing import FONT, Area, Dot, Drawing, Label, Line, Shape
from dashboard.charts.palette import paint

FONTS = Path(__file__).parent / "fonts"
SANS, MONO = "sans", "mono"
FILES = (
    (SANS, "", "DejaVuSans.ttf"),
    (SANS, "B", "DejaVuSans-Bold.ttf"),
    (SANS, "I", "DejaVuSans-Oblique.ttf"),
    (MONO, "", "DejaVuSansMono.ttf"),
)
MARGIN = 18.0
POINT = 25.4 / 72  # in mm
TEXT, SMALL, TINY = 10.0, 8.0, 7.0
LINE_HEIGHT = 1.5


class Sheet(FPDF):
    """Everything is text or shapes: no markup of what people wrote is ever read."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        for family, style, name in FILES:
            self.add_font(family, style, FONTS / name)
        self.set_title(title)
        self.set_creator("Metascope")
        self.set_lang("en")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN)
        self.add_page()

    def footer(self) -> None:
        """The number of the page."""
        self.set_y(-MARGIN + 6)
        self.style(SMALL, color="var(--text-3)")
        self.cell(0, 5, f"{self.page_no()} of {{nb}}", align="R")

    def style(
        self, size: float = TEXT, *, bold: bool = False, italic: bool = False, mono: bool = False,
        color: str = "var(--text)",
    ) -> None:  # fmt: skip
        """How text looks from here on. Bold comes before italic: there is no font of both."""
        style = "" if mono else "B" if bold else "I" if italic else ""
        self.set_font(MONO if mono else SANS, style, size)
        self.set_text_color(*_rgb(color))

    def height(self, size: float = TEXT) -> float:
        """Of a line of text, in mm."""
        return size * POINT * LINE_HEIGHT

    def lines(self, text: str, size: float = TEXT, **look: bool | str) -> None:
        """A paragraph of one look."""
        self.style(size, **look)  # type: ignore[arg-type]
        self.multi_cell(0, self.height(size), text, new_x="LMARGIN", new_y="NEXT", align="L")

    def gap(self, mm: float = 3.0) -> None:
        self.ln(mm)

    @contextmanager
    def indented(self, mm: float) -> Iterator[None]:
        """What is written within stands further to the right."""
        before = self.l_margin
        self.set_left_margin(before + mm)
        self.set_x(before + mm)
        try:
            yield
        finally:
            self.set_left_margin(before)
            self.set_x(before)

    def grid(
        self, heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]
    ) -> None:
        """A table. Columns are as wide as their longest text asks for, within limits."""
        self.style(TINY, bold=True)  # as the heads are, and wider than the rows
        self.set_draw_color(*_rgb("var(--line)"))
        self.set_line_width(0.2)
        widths = [
            min(60.0, max(12.0, *(self.get_string_width(row[place]) + 4 for row in (heads, *rows))))
            for place in range(len(heads))
        ]
        self.style(TINY)
        aligns = tuple("RIGHT" if number else "LEFT" for number in numbers)
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=tuple(widths),
            text_align=aligns,
            line_height=self.height(TINY),
            width=min(self.epw, sum(widths)),
            align="LEFT",
            padding=0.6,
        ) as table:
            for row in (heads, *rows):
                table.row(list(row))
        self.gap(1)

    def picture(self, drawing: Drawing) -> None:
        """A drawing as wide as the text, on one page."""
        scale = self.epw / drawing.width
        if self.will_page_break(drawing.height * scale):
            self.add_page()
        left, top = self.l_margin, self.get_y()
        for shape in drawing.shapes:
            self._shape(shape, scale, left, top)
        self.set_xy(left, top + drawing.height * scale)

    def _shape(self, shape: Shape, scale: float, left: float, top: float) -> None:
        def at(point: tuple[float, float]) -> tuple[float, float]:
            return left + point[0] * scale, top + point[1] * scale

        color, opacity = paint(shape.color)
        with self.local_context(fill_opacity=opacity, stroke_opacity=opacity):
            self.set_draw_color(color)
            self.set_fill_color(color)
            if isinstance(shape, Line):
                self.set_line_width(shape.width * scale)
                if shape.dash:
                    dash, gap = shape.dash[0], shape.dash[1 % len(shape.dash)]
                    self.set_dash_pattern(dash * scale, gap * scale)
                self.polyline([at(point) for point in shape.points])
            elif isinstance(shape, Area):
                self.polygon([at(point) for point in shape.points], style="F")
            elif isinstance(shape, Dot):
                x, y = at(shape.at)
                self.circle(x, y, shape.radius * scale, style="F")
            else:
                self._label(shape, scale, at(shape.at))

    def _label(self, label: Label, scale: float, at: tuple[float, float]) -> None:
        self.style(FONT * scale / POINT, color=label.color)
        width = self.get_string_width(label.text)
        shift = {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
        self.text(at[0] - shift, at[1], label.text)

    def stroke(self, color: str, mm: float = 6.0) -> None:
        """A short line of a legend, before the text that follows."""
        self.set_draw_color(paint(color)[0])
        self.set_line_width(0.6)
        x, y = self.get_x(), self.get_y() + self.height(SMALL) / 2
        self.line(x, y, x + mm, y)
        self.set_x(x + mm + 1.5)


def _rgb(color: str) -> tuple[int, int, int]:
    text = paint(color)[0]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
