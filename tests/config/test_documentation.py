"""docs/configuration.md lists every variable that is read, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READS = re.compile(
    r"""(?:env\.\w+|os\.environ(?:\.get)?|os\.getenv)[(\[]\s*["'](METASCOPE_\w+)"""
    r"""|\$\{(METASCOPE_\w+)"""
)
# Set by a worker for its own job's process; in the texts of examples for users' scripts.
NOT_SETTINGS = {"METASCOPE_JOB_THREADS", "METASCOPE_URL", "METASCOPE_TOKEN"}


def test_every_variable_is_documented():
    sources = [
        path
        for package in ("config", "experiments", "dashboard", "worker")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".sh")
    ]
    read = {
        first or second for path in sources for first, second in READS.findall(path.read_text())
    }
    rows = re.findall(
        r"^\| `(METASCOPE_\w+)` \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE
    )

    assert sorted(rows) == sorted(read - NOT_SETTINGS)
