"""A tiny process that outlives the supervisor by as long as it takes to end its parts.

The supervisor writes one line per event to its standard input: `+PID PHASE` when a part starts,
`-PID` when it ended. End of input means that the supervisor is gone, however that happened (kill
-9 included): the guard then ends what is left, phase 0 before phase 1. It inherits the lock of the
data folder, so no other instance starts before that is done. Standard library only, no imports of
ours: it must be small and must not fail.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_S = 20.0
KILLED_S = 2.0


def watch(lines: Iterable[str]) -> dict[int, int]:
    """Process groups that are left when the input ends, each with its phase."""
    groups: dict[int, int] = {}
    for line in lines:
        pid, _, phase = line[1:].strip().partition(" ")
        if line.startswith("+"):
            groups[int(pid)] = int(phase)
        else:
            groups.pop(int(pid), None)
    return groups


def end(groups: Iterable[int], *, grace_s: float) -> None:
    """Asks process groups to end, and kills those that do not within the time."""
    left = [group for group in groups if _signal(group, signal.SIGTERM)]
    left = _wait(left, grace_s)
    for group in left:
        _signal(group, signal.SIGKILL)
    _wait(left, KILLED_S)


def _wait(groups: list[int], limit_s: float) -> list[int]:
    """Those still running at the limit."""
    until = time.monotonic() + limit_s
    while groups and time.monotonic() < until:
        time.sleep(0.05)
        groups = [group for group in groups if is_running(group)]
    return groups


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def is_running(group: int) -> bool:
    """Whether a group has a live member. A leader nobody reaped (no init in a container) is dead,
    and the groups we end have no members that outlive their leader."""
    if not _signal(group, 0):
        return False
    try:
        state = Path(f"/proc/{group}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"


def main() -> None:
    # The supervisor's death is the only thing that ends the guard.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = watch(sys.stdin)
    for phase in sorted(set(groups.values())):
        end([group for group, its in groups.items() if its == phase], grace_s=GRACE_S)


if __name__ == "__main__":
    main()
