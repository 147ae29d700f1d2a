"""Characters that the program draws itself, in whole numbers throughout (no torch).

A character is a skeleton of 2 to 4 strokes, each a quadratic curve of three control points. A
drawing of it moves every control point a little, shears, turns and scales the whole, shifts it,
and has a pen of its own width. Random numbers are bytes of SHAKE-256 of a name, and lengths count
64ths of a pixel, so the pixels are the same on every machine and with every version of NumPy.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from worker.metalearning.distributions.identity import Split, content_hash
from worker.metalearning.specs import GlyphEpisodes

VERSION = 1  # of the pixels: another one, other characters
SIDE = 28
DRAWINGS = 20

Points = NDArray[np.int64]

_UNIT = 64  # of a pixel
_MARGIN = 4 * _UNIT
_CELL = 20 * _UNIT // 3  # strokes go from one cell of a 3x3 grid to another
_STROKES = (2, 4)
_STEPS = 24  # straight pieces of a curve
_WOBBLE = _UNIT  # of a control point, at most
_SCALE = 256  # of a matrix's entries: 1
_STRETCH, _SHEAR = 40, 52
_SHIFT = 3 * _UNIT // 2
_PEN = (54, 86)  # its radius
_EDGE = 40  # over which ink fades
_FAR = 2**14 - 1  # a square of a distance beyond every pen; two of them add up within 16 bits
_TOGETHER = 8  # characters drawn in one go: what a processor's cache holds
_PER_CLASS = 1 + 12 * _STROKES[1]
_PER_DRAWING = 6 * _STROKES[1] + 4 + 2 + 1


def glyphs_hash(episodes: GlyphEpisodes) -> str:
    """Content hash of the distribution: the drawing program's version and every setting."""
    return content_hash(
        {
            "source": "glyphs",
            "version": VERSION,
            "seed": episodes.glyph_seed,
            "classes": [
                episodes.train_classes, episodes.validation_classes, episodes.test_classes,
            ],
            "way": episodes.way,
            "shot": episodes.shot,
            "query": episodes.query,
        }
    )  # fmt: skip


class GlyphPool:
    """The characters of a split, drawn when they are first asked for and kept.

    A character depends on seed, split and its number alone.
    """

    def __init__(self, seed: int, split: Split, classes: int) -> None:
        self.name = f"glyphs/{VERSION}:{seed}:{split}"
        self.pixels = np.zeros((classes, DRAWINGS, SIDE, SIDE), dtype=np.uint8)
        self._is_drawn = np.zeros(classes, dtype=bool)

    def drawn(self, numbers: Points) -> NDArray[np.uint8]:
        """All drawings `(classes, 20, 28, 28)`, ink 255, those of the characters named drawn."""
        missing = np.unique(numbers[~self._is_drawn[numbers]])
        for start in range(0, len(missing), _TOGETHER):
            some = missing[start : start + _TOGETHER]
            curves, pens = zip(*(_character(f"{self.name}:{one}") for one in some), strict=True)
            inked = _ink(np.concatenate(curves), np.concatenate(pens))
            self.pixels[some] = inked.reshape(-1, DRAWINGS, SIDE, SIDE)
            self._is_drawn[some] = True
        return self.pixels


@lru_cache(maxsize=6)
def glyph_pool(seed: int, split: Split, classes: int) -> GlyphPool:
    """The pool that all distributions of a process share."""
    return GlyphPool(seed, split, classes)


def _character(name: str) -> tuple[Points, Points]:
    """Points along the curves of each drawing `(20, points, 2)`, and its pen's radius `(20,)`."""
    strokes = _skeleton(_numbers(name, 1, _PER_CLASS)[0])
    drawn = _numbers(f"{name}:drawings", DRAWINGS, _PER_DRAWING)
    wobble, matrix, shift, pen = np.split(
        drawn, (6 * _STROKES[1], _PER_DRAWING - 3, _PER_DRAWING - 1), axis=1
    )
    moves = _within(wobble, _WOBBLE).reshape(DRAWINGS, _STROKES[1], 3, 2)
    moved = strokes + moves[:, : len(strokes)]
    limits = np.array([_STRETCH, _SHEAR, _SHEAR, _STRETCH])
    matrices = (_within(matrix, limits) + np.array([_SCALE, 0, 0, _SCALE])).reshape(-1, 2, 2)
    middle = SIDE * _UNIT // 2
    turned = np.einsum("dij,dskj->dski", matrices, moved - middle) // _SCALE + middle
    placed = turned + _within(shift, _SHIFT)[:, None, None, :]
    alike = placed[:, np.arange(_STROKES[1]) % len(strokes)]  # as many strokes for every character
    return _along(alike), _PEN[0] + pen[:, 0] % (_PEN[1] - _PEN[0] + 1)


def _numbers(name: str, rows: int, columns: int) -> Points:
    """Random numbers from 0 to 65,535 that the name decides."""
    data = hashlib.shake_256(name.encode()).digest(2 * rows * columns)
    return np.frombuffer(data, dtype="<u2").reshape(rows, columns).astype(np.int64)


def _within(numbers: Points, reach: int | Points) -> Points:
    """Random numbers as whole ones from -reach to reach."""
    return np.asarray(numbers % (2 * reach + 1) - reach)


def _skeleton(numbers: Points) -> Points:
    """Control points `(strokes, 3, 2)`: start, middle, end.

    A stroke leaves the cell that it starts in, so few are dots. Half of them start where the one
    before ended, as in writing.
    """
    count = _STROKES[0] + int(numbers[0]) % (_STROKES[1] - _STROKES[0] + 1)
    rolls = numbers[1:].reshape(_STROKES[1], 12)
    strokes: list[Points] = []
    for index in range(count):
        roll = rolls[index]
        cell = int(roll[0]) % 9
        start = _in_cell(cell, roll[2:4])
        end = _in_cell((cell + 1 + int(roll[1]) % 8) % 9, roll[4:6])
        if index and roll[6] % 2:
            start = strokes[-1][2]
        middle = _MARGIN + roll[7:9] % (SIDE * _UNIT - 2 * _MARGIN)
        strokes.append(np.stack([start, middle, end]))
    return np.stack(strokes)


def _in_cell(cell: int, roll: Points) -> Points:
    corner = np.array([cell % 3, cell // 3]) * _CELL
    return np.asarray(_MARGIN + corner + roll % _CELL)


def _along(control: Points) -> Points:
    """`(D, strokes, 3, 2)` to points along the curves `(D, strokes * 25, 2)`."""
    t = np.arange(_STEPS + 1)
    weights = np.stack([(_STEPS - t) ** 2, 2 * t * (_STEPS - t), t**2], axis=1)
    points: Points = np.einsum("tk,dskj->dstj", weights, control) // _STEPS**2
    return points.reshape(len(control), -1, 2)


def _ink(points: Points, pens: Points) -> NDArray[np.uint8]:
    """Pixels `(D, 28, 28)` by the distance from their middle to the nearest point of a curve."""
    middles = np.arange(SIDE) * _UNIT + _UNIT // 2
    squares = np.minimum((points[:, :, None, :] - middles[:, None]) ** 2, _FAR).astype(np.int16)
    across, down = np.ascontiguousarray(squares[..., 0]), np.ascontiguousarray(squares[..., 1])
    nearest = np.full((len(points), SIDE, SIDE), np.iinfo(np.int16).max, dtype=np.int16)
    distance = np.empty_like(nearest)
    for index in range(points.shape[1]):
        np.add(down[:, index, :, None], across[:, index, None, :], out=distance)
        np.minimum(nearest, distance, out=nearest)
    outer = ((pens + _EDGE // 2) ** 2)[:, None, None]
    inner = ((pens - _EDGE // 2) ** 2)[:, None, None]
    return np.asarray(np.clip((outer - nearest) * 255 // (outer - inner), 0, 255), dtype=np.uint8)
