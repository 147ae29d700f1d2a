"""What a script shows, as files: pictures, figures, sounds, tables, histograms, texts.

Nothing is imported that the script has not imported itself: what a value is, its own methods tell.
"""

from __future__ import annotations

import html
import io
import json
import math
import struct
import sys
import wave
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MOST_ROWS = 10_000
MOST_BINS = 512
HEAD = 4096  # bytes of a picture in which an SVG begins, after its comments
LARGEST_FILE = 256 * 1024 * 1024

Encoded = tuple[str, bytes | Path]  # extension and content, or the file that holds it
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"RIFF", "webp"),
)


def figure(value: Any) -> Encoded:
    """A Matplotlib figure as PNG, a Plotly figure as JSON. Raises TypeError for anything else."""
    if hasattr(value, "savefig"):
        buffer = io.BytesIO()
        value.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
        return "png", buffer.getvalue()
    if hasattr(value, "to_plotly_json"):
        return "plotly.json", str(value.to_json()).encode()
    raise TypeError(f"{type(value).__name__} is no Matplotlib or Plotly figure")


def image(value: Any) -> Encoded:
    """A picture as PNG, or as it is: a file, its bytes, a PIL image, or an array of shape
    (height, width) or (height, width, 1, 3 or 4), floats of 0 to 1 or bytes of 0 to 255.
    """
    if isinstance(value, bytes):
        return _known(value), value
    if isinstance(value, str | Path):
        with Path(value).open("rb") as file:
            return _known(file.read(HEAD)), Path(value)
    if hasattr(value, "save") and hasattr(value, "getbands"):
        buffer = io.BytesIO()
        value.save(buffer, format="PNG")
        return "png", buffer.getvalue()
    return "png", _png(_array(value))


def _known(data: bytes) -> str:
    for start, extension in _SIGNATURES:
        if data.startswith(start):
            return extension
    if b"<svg" in data[:HEAD] and data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "svg"
    raise ValueError("the bytes are no PNG, JPEG, GIF, WebP or SVG")


def _array(value: Any) -> Any:
    """A NumPy array of what a tensor or an array holds."""
    for method in ("detach", "cpu", "numpy"):
        if hasattr(value, method):
            value = getattr(value, method)()
    if not hasattr(value, "__array_interface__"):
        raise TypeError(f"{type(value).__name__} is no picture, array or tensor")
    return value


def _png(array: Any) -> bytes:
    """8-bit PNG; rows unfiltered (PNG specification, third edition, sections 5 and 11)."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(f"the shape {array.shape} is none of (H, W), (H, W, 1), (H, W, 3 or 4)")
    if array.dtype.kind == "f":
        array = (array.clip(0.0, 1.0) * 255).round()
    elif array.dtype.kind == "b":
        array = array * 255
    array = array.clip(0, 255).astype("uint8")
    height, width, channels = array.shape
    rows = b"".join(b"\0" + row.tobytes() for row in array)
    colour = {1: 0, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return _SIGNATURES[0][0] + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def audio(value: Any, rate: int) -> Encoded:
    """A sound as 16-bit WAV: a file, or an array of shape (samples,) or (samples, channels) of
    floats of -1 to 1."""
    if isinstance(value, str | Path):
        return Path(value).suffix.lstrip(".").lower() or "bin", Path(value)
    array = _array(value)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not 1 <= array.shape[1] <= 8:
        raise ValueError(f"the shape {array.shape} is none of (samples,), (samples, channels)")
    if array.dtype.kind == "f":
        array = (array.clip(-1.0, 1.0) * 32767).round()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(array.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.astype("<i2").tobytes())
    return "wav", buffer.getvalue()


def video(value: str | Path) -> Encoded:
    """A video file as it is."""
    suffix = Path(value).suffix.lstrip(".").lower()
    if suffix not in ("mp4", "webm", "gif", "mov", "mkv"):
        raise ValueError(f"{value} is no mp4, webm, gif, mov or mkv")
    return suffix, Path(value)


def table(rows: Any, columns: Sequence[str] | None = None) -> Encoded:
    """Rows as JSON: a pandas frame, a list of mappings, or lists with `columns`."""
    if hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        columns = [str(name) for name in rows.columns]
        rows = [list(row) for row in rows.itertuples(index=False)]
    rows = list(rows)
    if rows and isinstance(rows[0], Mapping):
        columns = list(dict.fromkeys(str(name) for row in rows for name in row))
        rows = [[row.get(name) for name in columns] for row in rows]
    if columns is None:
        raise ValueError("columns are needed for rows that are lists")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} rows are too many: {MOST_ROWS} are the most")
    if uneven := next((row for row in rows if len(row) != len(columns)), None):
        raise ValueError(f"a row has {len(uneven)} cells, not {len(columns)}")
    cells = [[_cell(cell) for cell in row] for row in rows]
    return "table.json", _json({"columns": list(columns), "rows": cells})


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else repr(number)


def histogram(values: Any, bins: int = 64) -> Encoded:
    """Counts of finite values in equal bins, and how many were not finite."""
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"use 1 to {MOST_BINS} bins")
    if numpy := sys.modules.get("numpy"):
        return "histogram.json", _json(_counted(numpy, values, bins))
    numbers = [float(value) for value in _flat(values)]
    finite = [number for number in numbers if math.isfinite(number)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    counts = [0] * (bins if high > low else 1)
    width = (high - low) / len(counts)
    for number in finite:
        place = int((number - low) / width) if width else 0
        counts[min(place, len(counts) - 1)] += 1
    edges = [low + width * place for place in range(len(counts))] + [high]
    content = {"edges": edges, "counts": counts, "nonfinite": len(numbers) - len(finite)}
    return "histogram.json", _json(content)


def _counted(numpy: Any, values: Any, bins: int) -> dict[str, Any]:
    """The same by NumPy, which a script with large arrays has imported."""
    array = _array(values) if hasattr(values, "reshape") else values
    numbers = numpy.asarray(array, dtype="float64").reshape(-1)
    finite = numbers[numpy.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low == high:
        counts, edges = [int(finite.size)], [low, high]
    else:
        counted = numpy.histogram(finite, bins=bins, range=(low, high))
        counts, edges = counted[0].tolist(), counted[1].tolist()
    return {"edges": edges, "counts": counts, "nonfinite": int(numbers.size - finite.size)}


def _flat(values: Any) -> Iterable[Any]:
    if hasattr(values, "reshape"):
        return list(_array(values).reshape(-1).tolist())
    return list(values)


def confusion(matrix: Any, labels: Sequence[Any] | None) -> Encoded:
    """Counts of a square matrix: a row for each true class, a column for each predicted one."""
    rows = [_flat(row) for row in (_array(matrix) if hasattr(matrix, "reshape") else matrix)]
    counts = [[float(value) for value in row] for row in rows]
    names = [str(one) for one in (range(len(counts)) if labels is None else labels)]
    if not counts or {len(row) for row in counts} != {len(counts)} or len(names) != len(counts):
        raise ValueError(f"{len(names)} labels and {len(counts)} rows: a square matrix is needed")
    if not all(math.isfinite(value) for row in counts for value in row):
        raise ValueError("counts are finite numbers")
    plain = [[int(value) if value.is_integer() else value for value in row] for row in counts]
    return "confusion.json", _json({"labels": names, "counts": plain})


def curve(x: Any, y: Any, x_title: str, y_title: str) -> Encoded:
    """Points of a curve that is no series over steps, such as precision against recall."""
    first, second = ([_cell(value) for value in _flat(column)] for column in (x, y))
    if len(first) != len(second) or not first:
        raise ValueError(f"x has {len(first)} values and y {len(second)}: send as many, above 0")
    return "curve.json", _json({"x": first, "y": second, "x_title": x_title, "y_title": y_title})


def text(value: str) -> Encoded:
    """A text."""
    return "txt", str(value).encode("utf-8", "replace")


def page(value: str) -> Encoded:
    """HTML, which the server shows in a sandbox where nothing runs."""
    content = str(value)
    if "<" not in content:
        content = f"<pre>{html.escape(content)}</pre>"
    return "html", content.encode("utf-8", "replace")


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
