"""docs/library.md: its code runs as it stands there, in a process without Django."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code() -> list[str]:
    """The blocks of Python."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.S)


def run(block: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\nsys.modules['django'] = None\n{block}"],
        capture_output=True, text=True, timeout=280, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ten_lines_meta_train() -> None:
    block = code()[0].replace("for _ in range(300):", "losses = []\nfor _ in range(300):")
    printed = run(block + "    losses.append(float(loss))\n"
                  "print(sum(losses[-50:]) < 0.95 * sum(losses[:50]))")  # fmt: skip

    assert printed.strip() == "True"


def test_training_from_python_prints_reports() -> None:
    printed = run(code()[1])

    assert printed.splitlines()[-1].startswith("20 {'test/query_loss_step_0'")
