"""What a worker does for everybody every few seconds: find what died."""

import time

from django.conf import settings

from experiments import events, inbox, lifecycle, queue, webhooks

_watching_since = time.monotonic()


def sweep() -> queue.Swept:
    """Requeues jobs that lost their worker, rings for what waits, marks silent clients' runs, and
    notes which run without logging anything, and which are the best of their projects.

    While the server is away nobody can give a sign of life, so a silence counts against a run only
    once this process has been listening for as long.
    """
    swept = queue.sweep()
    events.note_stalls()
    events.note_bests()
    if time.monotonic() - _watching_since >= settings.CLIENT_SILENCE_S:
        lifecycle.sweep_silent_runs()
    return swept


def tell() -> None:
    """Tells members and webhooks of what has happened, as long as there is something to tell."""
    while inbox.spread() + webhooks.send_due():
        pass
