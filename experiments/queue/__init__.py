"""The job ledger: claim, heartbeat, fence, cancel, requeue, finish; and the doorbell.

Every write is one conditional UPDATE on (id, attempt, status) whose row count is the answer, with
the run changed in the same transaction. Times in conditions come from the database's clock.
"""

from experiments.queue.checkpoints import latest_checkpoint, save_checkpoint
from experiments.queue.control import cancel, retry, set_priority
from experiments.queue.doorbell import ring
from experiments.queue.ledger import (
    Beat,
    abandon,
    claim,
    finish,
    heartbeat,
    lost,
    next_claimable,
    progress,
    release,
    resumed_from,
    watch,
)
from experiments.queue.sweeping import Swept, sweep
from experiments.queue.workers import (
    Announcement,
    announce,
    beat,
    describe_distributions,
    stopped,
)

__all__ = [
    "Announcement",
    "Beat",
    "Swept",
    "abandon",
    "announce",
    "beat",
    "cancel",
    "claim",
    "describe_distributions",
    "finish",
    "heartbeat",
    "latest_checkpoint",
    "lost",
    "next_claimable",
    "progress",
    "release",
    "resumed_from",
    "retry",
    "ring",
    "save_checkpoint",
    "set_priority",
    "stopped",
    "sweep",
    "watch",
]
