"""Drawings as SVG: a picture that opens anywhere."""

from html import escape

from dashboard.charts.drawing import FONT, Area, Dot, Drawing, Line, Point, Shape
from dashboard.charts.palette import paint

FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif"


def svg(drawing: Drawing, *, label: str) -> str:
    """One `<svg>` element in the colours of the light theme; `label` is for who cannot see it."""
    size = f"{drawing.width:g} {drawing.height:g}"
    shapes = "".join(map(_shape, drawing.shapes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
        f'width="{drawing.width:g}" height="{drawing.height:g}" role="img" '
        f'aria-label="{escape(label)}" font-family="{FAMILY}" font-size="{FONT:g}">{shapes}</svg>'
    )


def _shape(shape: Shape) -> str:
    color, opacity = paint(shape.color)
    seen = "" if opacity == 1 else f' opacity="{opacity:g}"'
    if isinstance(shape, Line):
        dash = f' stroke-dasharray="{" ".join(map("{:g}".format, shape.dash))}"'
        return (
            f'<polyline points="{_points(shape.points)}" fill="none" stroke="{color}"{seen} '
            f'stroke-width="{shape.width:g}" stroke-linejoin="round"{dash if shape.dash else ""}/>'
        )
    if isinstance(shape, Area):
        return f'<polygon points="{_points(shape.points)}" fill="{color}"{seen}/>'
    if isinstance(shape, Dot):
        (x, y), radius = shape.at, shape.radius
        return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{color}"{seen}/>'
    x, y = shape.at
    text = escape(shape.text)
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" text-anchor="{shape.anchor}">{text}</text>'


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
