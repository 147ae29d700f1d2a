"""Takes a run back to a step: it continues from its checkpoint as if nothing later had been."""

from django.db import transaction

from experiments import chunks, folding, summaries
from experiments.models import Evaluation, Rewind, Run, Series
from experiments.recording.points import lock_run

NOT_OF_STEPS = "system/"  # what the machine did: its steps are seconds


def rewind(*, run_id: str, after_step: int, attempt: int | None) -> int:
    """Drops every point with step > after_step, with its summaries; returns how many.

    Evaluations of later steps go too, and progress goes back; what the machine did stays. Where
    anything went, a `Rewind` says so. Batches
    that were accepted stay known: one that is sent again is still a no-op. `attempt` is None for a
    run that a client executes. Raises NotFound, and Superseded when `attempt` does not own the
    run's job.
    """
    with transaction.atomic():
        lock_run(run_id, attempt=attempt)
        folding.fold_run(run_id)
        later = Series.objects.filter(run_id=run_id, last_step__gt=after_step)
        later = later.exclude(key__startswith=NOT_OF_STEPS)
        dropped = sum(_truncate(row, after_step) for row in later)
        evaluations = Evaluation.objects.filter(run_id=run_id, step__gt=after_step)
        gone = evaluations.delete()[1].get(Evaluation._meta.label, 0)
        if dropped or gone:
            Rewind.objects.create(
                run_id=run_id,
                attempt=attempt,
                after_step=after_step,
                points=dropped,
                evaluations=gone,
            )
        Run.objects.filter(pk=run_id, progress_step__gt=after_step).update(
            progress_step=max(after_step, 0)
        )
        return dropped


def _truncate(row: Series, after_step: int) -> int:
    kept = chunks.truncate(row.pk, after_step)
    if kept is None:
        dropped = row.count
        row.delete()
        return dropped
    steps, times, values = kept
    dropped = row.count - len(steps)
    summaries.set_row(row, summaries.summarize(row.key, steps, times, values))
    row.save(update_fields=summaries.COLUMNS)
    return dropped
