"""Console output of a run, as its attempts wrote it."""

from django.db import transaction

from experiments.errors import Conflict
from experiments.models import LogChunk
from experiments.recording.points import lock_run
from experiments.recording.validation import invalid

CHUNK_CHARACTERS = 1_000_000


def append_log(*, run_id: str, attempt: int, number: int, text: str) -> None:
    """Stores whole lines as chunk `number` (0, 1, 2 ...) of an attempt's output.

    Repeating a chunk is a no-op; other text under its number is a Conflict. An attempt that lost
    its job may still hand in what it had written. Characters that a database cannot hold are
    replaced. Raises Invalid, NotFound, Conflict.
    """
    if not 1 <= len(text) <= CHUNK_CHARACTERS:
        raise invalid("text", f"send 1 to {CHUNK_CHARACTERS} characters in a chunk.")
    if number < 0:
        raise invalid("number", "use 0, 1, 2 ... within the attempt.")
    clean = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    with transaction.atomic():
        lock_run(run_id)
        chunk, created = LogChunk.objects.get_or_create(
            run_id=run_id, attempt=attempt, client="", number=number, defaults={"text": clean}
        )
    if not created and chunk.text != clean:
        raise Conflict(
            f"Chunk {number} of attempt {attempt} was stored with other text.",
            code="log_number_used",
        )
