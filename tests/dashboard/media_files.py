"""Two runs with media of every kind, at different steps; the second one's are hostile in places."""

import io
import json
from typing import Any

import numpy as np
from metascope import _media

from experiments import files
from experiments.models import Run
from tests.factories import make_run

HOSTILE = "<script>window.hacked = 1</script>"
HOSTILE_PAGE = f"{HOSTILE}<img src=x onerror='parent.hacked = 1'><p>a page</p>"


def put(run: Run, path: str, content: Any) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    files.put(files.of_run(run), f"media/{path}", io.BytesIO(data))


def grey(value: int) -> bytes:
    """A picture of 16 by 16 in one grey, apart from a corner."""
    picture = np.full((16, 16), value, dtype="uint8")
    picture[:4, :4] = 255
    extension, data = _media.image(picture)
    assert extension == "png"
    assert isinstance(data, bytes)
    return data


def runs_with_media() -> list[Run]:
    runs = [make_run(name="first"), make_run(name="second")]
    for number, run in enumerate(runs):
        for step in (0, 100) if number == 0 else (0, 80, 200):
            put(run, f"image/samples/{step:012}.png", grey(60 + step // 2 + 40 * number))
        rows = [["a", 1], ["b", 2 + number], [HOSTILE, 3]]
        put(run, "table/worst/000000000100.table.json", {"columns": ["id", "n"], "rows": rows})
        counts = [[8, 2 - number], [1 + 3 * number, 9]]
        matrix = {"labels": ["cat", HOSTILE], "counts": counts}
        put(run, "confusion/val/000000000100.confusion.json", matrix)
        edges = [0, 1 + number, 2 + 2 * number]
        histogram = {"edges": edges, "counts": [3, 1], "nonfinite": number}
        put(run, "histogram/weights/000000000100.histogram.json", histogram)
        put(run, "html/report/000000000100.html", HOSTILE_PAGE.encode())
        put(run, "text/note/000000000100.txt", HOSTILE.encode())
        extension, sound = _media.audio(_wave(), 8000)
        assert isinstance(sound, bytes)
        put(run, f"audio/tone/000000000100.{extension}", sound)
    return runs


def _wave() -> Any:
    return np.sin(np.arange(800) / 5)
