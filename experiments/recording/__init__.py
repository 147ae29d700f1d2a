"""The only code that writes points, console output and evaluations, and takes them back."""

from experiments.recording.console import append_log
from experiments.recording.evaluations import record_evaluation
from experiments.recording.points import record
from experiments.recording.rewinding import rewind
from experiments.recording.validation import Batch, parse_batch, parse_series

__all__ = [
    "Batch",
    "append_log",
    "parse_batch",
    "parse_series",
    "record",
    "record_evaluation",
    "rewind",
]
