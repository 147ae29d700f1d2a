"""The only code that writes points, console output and evaluations, and takes them back."""

from experiments.console_lines import stamped
from experiments.recording.client_console import ClientLog, append_client_log, note, parse_log
from experiments.recording.console import append_log
from experiments.recording.evaluations import record_evaluation
from experiments.recording.points import lock_run, record, record_batch
from experiments.recording.records import CONTENT_TYPE as RECORDS_CONTENT_TYPE
from experiments.recording.records import parse_records
from experiments.recording.rewinding import rewind
from experiments.recording.validation import Batch, check_series, parse_batch, parse_series

__all__ = [
    "RECORDS_CONTENT_TYPE",
    "Batch",
    "ClientLog",
    "append_client_log",
    "append_log",
    "check_series",
    "note",
    "lock_run",
    "parse_batch",
    "parse_records",
    "parse_log",
    "parse_series",
    "record",
    "record_batch",
    "record_evaluation",
    "rewind",
    "stamped",
]
