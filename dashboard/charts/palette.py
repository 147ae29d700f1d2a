"""The colours of tokens.css as numbers, for drawings that no style sheet reaches."""

import re
from functools import cache
from pathlib import Path

TOKENS = Path(__file__).parents[1] / "static" / "dashboard" / "css" / "tokens.css"
_BLOCK = re.compile(r":root\s*\{(.*?)\n\}", re.DOTALL)
_TOKEN = re.compile(r"--([\w-]+):\s*([^;]+);")
_REFERENCE = re.compile(r"var\(--([\w-]+)(?:/([\w.-]+))?\)")
_HEX = re.compile(r"#[0-9a-f]{6}")


@cache
def light() -> dict[str, str]:
    """Every token of the light theme, as written there."""
    block = _BLOCK.search(TOKENS.read_text())
    assert block is not None
    return dict(_TOKEN.findall(block[1]))


def paint(color: str) -> tuple[str, float]:
    """A colour as figures write it ("var(--run-1/0.2)", "#0e4d8d") as #rrggbb and opacity."""
    tokens = light()
    found = _REFERENCE.fullmatch(color)
    if found is None:
        return (color if _HEX.fullmatch(color) else tokens["text"]), 1.0
    name, alpha = found.groups()
    value = tokens.get(name, "")
    if alpha is not None and alpha.startswith("--"):
        alpha = tokens.get(alpha[2:], "1")
    return (value if _HEX.fullmatch(value) else tokens["text"]), float(alpha or 1)
