"""The style sheets of pages, in their order, and the one file that they are collected into."""

from pathlib import Path

from django.conf import settings

FOLDER = Path(__file__).resolve().parent / "static" / "dashboard" / "css"
SHEETS = (
    "tokens", "base", "shell", "controls", "status", "cards", "states", "tables", "charts", "split",
    "overlays", "diff", "code", "home", "runs", "compare", "job", "run", "files", "reports",
    "responsive", "sheet",
)  # fmt: skip
JOINED = "dashboard/css/pages.css"


def joined() -> bytes:
    """All of them in one, so that a page asks once."""
    return b"\n".join((FOLDER / f"{sheet}.css").read_bytes() for sheet in SHEETS)


def served() -> list[str]:
    """Names under /static/: one where files are collected, else the sources."""
    sources = [f"dashboard/css/{sheet}.css" for sheet in SHEETS]
    return [JOINED] if settings.SERVES_COLLECTED else sources
