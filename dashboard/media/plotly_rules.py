"""What of a Plotly figure from strangers may be drawn: every attribute with the values it may have.

A rule makes a plain value of what a file says, or raises ValueError. What has no rule is left out:
pictures and links that would be fetched, buttons, templates, scripts of any kind.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dashboard.charts.texts import marked

MOST_CELLS = 200_000  # of one column or table
MOST_CHARACTERS = 500
LARGEST_NUMBER = 1e300
_WORD = re.compile(r"[A-Za-z0-9 _+.-]{1,40}")
_FORMAT = re.compile(r"[\w.,:%$~ +()/-]{0,30}")
_COLOR = re.compile(r"#[0-9a-f]{3,8}|[a-z]{3,30}|(rgb|hsl|hsv)a?\([\d., %]{1,60}\)", re.IGNORECASE)
_TYPES = {"i1", "i2", "i4", "u1", "u2", "u4", "f4", "f8"}


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")
    if not abs(value) <= LARGEST_NUMBER:  # NaN, too
        raise ValueError("no number that can be drawn")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def word(value: Any) -> str:
    """A choice of Plotly, such as "lines+markers"."""
    return _matching(value, _WORD)


def pattern(value: Any) -> str:
    """A format of numbers or dates."""
    return _matching(value, _FORMAT)


def color(value: Any) -> str:
    """A colour by its name or numbers."""
    return _matching(value, _COLOR)


def text(value: Any) -> str:
    """A text in which no tag fetches or links."""
    if not isinstance(value, str | int | float):
        raise ValueError("no text")
    return marked(str(value)[:MOST_CHARACTERS])


def title(value: Any) -> str:
    """A title, alone or as {"text": ...}."""
    return text(value.get("text") if isinstance(value, dict) else value)


def place(value: Any) -> float | str:
    """A place on an axis: a number, a date or a category."""
    return text(value) if isinstance(value, str) else number(value)


def column(value: Any) -> list[Any]:
    """Numbers and texts; None for what is no finite number. Packed columns are opened."""
    return [_cell(one) for one in _listed(value)]


def table(value: Any) -> list[list[Any]]:
    """Rows of numbers."""
    rows = [[_cell(one) for one in _listed(row)] for row in _listed(value)]
    if sum(map(len, rows)) > MOST_CELLS:
        raise ValueError(f"more than {MOST_CELLS:,} cells")
    return rows


def colors(value: Any) -> list[Any]:
    """Colours or numbers for them, one for each point."""
    return [color(one) if isinstance(one, str) else _cell(one) for one in _listed(value)]


def scale(value: Any) -> Any:
    """A scale of colours by its name, or by places and colours."""
    if isinstance(value, str):
        return word(value)
    return [[number(at), color(shade)] for at, shade in _listed(value)[:64]]


def either(*rules: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The first rule that the value follows."""

    def chosen(value: Any) -> Any:
        for rule in rules:
            try:
                return rule(value)
            except ValueError:
                continue
        raise ValueError("no value that is known here")

    return chosen


def _matching(value: Any, known: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not known.fullmatch(value):
        raise ValueError("no value that is known here")
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, str | bool):
        return text(value)
    if value is None or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) <= LARGEST_NUMBER else None


def _listed(value: Any) -> list[Any]:
    """A list as it is; {"dtype", "bdata", "shape"}, as Plotly packs arrays, opened."""
    found = _opened(value) if isinstance(value, dict) else value
    if not isinstance(found, list):
        raise ValueError("no list")
    if len(found) > MOST_CELLS:
        raise ValueError(f"more than {MOST_CELLS:,} values")
    return found


def _opened(value: Mapping[str, Any]) -> Any:
    dtype, data, shape = value.get("dtype"), value.get("bdata"), value.get("shape")
    if dtype not in _TYPES or not isinstance(data, str):
        raise ValueError("no packed column")
    try:
        found = np.frombuffer(base64.b64decode(data, validate=True), np.dtype(f"<{dtype}"))
        wanted = [int(one) for one in str(shape).split(",")] if shape is not None else [-1]
        return found.reshape(wanted[:2]).tolist()
    except (ValueError, binascii.Error) as error:
        raise ValueError("no packed column") from error


_ERROR = {"type": word, "array": column, "arrayminus": column, "value": number,
          "symmetric": flag, "visible": flag}  # fmt: skip
_LINE = {"color": either(color, colors), "width": number, "dash": word, "shape": word,
         "smoothing": number}  # fmt: skip
_MARKER = {
    "color": either(color, number, colors), "colors": colors, "size": either(number, column),
    "symbol": word, "opacity": number, "line": _LINE, "colorscale": scale, "showscale": flag,
    "cmin": number, "cmax": number, "reversescale": flag,
}  # fmt: skip
_BINS = {"start": place, "end": place, "size": place}
# What a trace says is in these: where one cannot be read, nothing is drawn.
DATA = frozenset(("x", "y", "z", "labels", "values"))
TRACE: Mapping[str, Any] = {
    "x": column, "y": column, "z": table, "labels": column, "values": column, "name": text,
    "x0": place, "dx": number, "y0": place, "dy": number,
    "text": either(text, column), "hovertext": either(text, column),
    "mode": word, "orientation": word, "marker": _MARKER, "line": _LINE, "fill": word,
    "fillcolor": color, "opacity": number, "error_x": _ERROR, "error_y": _ERROR,
    "xaxis": word, "yaxis": word, "hole": number, "nbinsx": number, "nbinsy": number,
    "histnorm": word, "histfunc": word, "xbins": _BINS, "ybins": _BINS,
    "boxpoints": either(flag, word), "boxmean": either(flag, word), "points": either(flag, word),
    "box": {"visible": flag}, "meanline": {"visible": flag}, "side": word, "notched": flag,
    "q1": column, "median": column, "q3": column, "lowerfence": column, "upperfence": column,
    "mean": column, "sd": column, "width": either(number, column), "base": either(number, column),
    "offset": either(number, column), "colorscale": scale, "reversescale": flag, "zmin": number,
    "zmax": number, "zmid": number, "zsmooth": either(flag, word), "showscale": flag,
    "stackgroup": word, "connectgaps": flag, "textposition": word, "textinfo": word, "sort": flag,
    "ncontours": number, "visible": either(flag, word), "cumulative": {"enabled": flag},
    "contours": {"start": number, "end": number, "size": number, "coloring": word},
}  # fmt: skip
AXIS: Mapping[str, Any] = {
    "title": title, "type": word, "range": column, "tickvals": column, "ticktext": column,
    "tickmode": word, "tickformat": pattern, "domain": column, "anchor": word, "overlaying": word,
    "side": word, "matches": word, "autorange": either(flag, word), "showgrid": flag,
    "zeroline": flag, "visible": flag, "showticklabels": flag, "categoryorder": word,
    "categoryarray": column, "dtick": place, "tickangle": number, "scaleanchor": word,
}  # fmt: skip
_REFERENCES = {"xref": word, "yref": word}
SHAPE: Mapping[str, Any] = {
    "type": word, "x0": place, "x1": place, "y0": place, "y1": place, **_REFERENCES,
    "line": {"color": color, "width": number, "dash": word}, "fillcolor": color, "opacity": number,
}  # fmt: skip
ANNOTATION: Mapping[str, Any] = {
    "text": text, "x": place, "y": place, **_REFERENCES, "showarrow": flag, "ax": number,
    "ay": number, "xanchor": word, "yanchor": word, "textangle": number,
}  # fmt: skip
LAYOUT: Mapping[str, Any] = {
    "barmode": word, "barnorm": word, "bargap": number, "bargroupgap": number, "boxmode": word,
    "violinmode": word,
}  # fmt: skip


def followed(
    rules: Mapping[str, Any], value: Any, needed: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """What of `value` follows the rules. Raises ValueError where a `needed` attribute does not."""
    if not isinstance(value, dict):
        raise ValueError("no object")
    found = {}
    for name, rule in rules.items():
        if value.get(name) is None:
            continue
        given = value[name]
        try:
            found[name] = rule(given) if callable(rule) else followed(rule, given)
        except ValueError as error:
            if name in needed:
                raise ValueError(f"{name}: {error}") from error
    return found
