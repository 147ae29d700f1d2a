"""What workers announced: the algorithms they know and the task distributions they can sample.

A job may be submitted while its worker is down, so rows of silent workers count too; where two
workers disagree, a live one wins over a silent one, then the one heard of last.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from experiments import specs
from experiments.errors import Invalid
from experiments.models import Worker
from experiments.wording import cut, did_you_mean, listed

SILENT_AFTER_S = 60  # a worker not heard of for so long is not counted as live


def is_live(worker: Worker) -> bool:
    """The worker beat lately and did not say that it stopped."""
    if worker.stopped_at is not None or worker.heartbeat_at is None:
        return False
    return timezone.now() - worker.heartbeat_at < timedelta(seconds=SILENT_AFTER_S)


def trainers() -> dict[str, dict[str, Any]]:
    """Every announced algorithm by name: title, summary, family, year, paper, schema, presets.

    In the `order` that they announce, the one to try first at the front.
    """
    known: dict[str, dict[str, Any]] = {}
    for worker in _by_trust():
        known.update(worker.trainers)
    return dict(sorted(known.items(), key=_place))


def _place(announced: tuple[str, Mapping[str, Any]]) -> tuple[bool, int, str]:
    """By `order`; algorithms that announce none follow by name."""
    name, trainer = announced
    order = trainer.get("order")
    return (False, order, name) if isinstance(order, int) else (True, 0, name)


def distributions() -> dict[str, dict[str, Any]]:
    """Every announced task distribution by name; available if any live worker has it."""
    workers = _by_trust()
    known: dict[str, dict[str, Any]] = {}
    for worker in [one for one in workers if is_live(one)] or workers:
        for one in worker.distributions:
            if one.get("available") or not known.get(one["name"], {}).get("available"):
                known[one["name"]] = one
    return dict(sorted(known.items()))


def check_spec(spec: Any) -> dict[str, Any]:
    """The spec with defaults filled in, if an announced algorithm can run it.

    Raises Invalid: no worker yet, unknown algorithm, any error of the schema, or a task
    distribution whose data is missing on the workers.
    """
    algorithm = _algorithm(spec, known := trainers())
    checked = specs.validate(known[algorithm]["schema"], spec)
    episodes = checked.get("episodes")
    source = episodes.get("source") if isinstance(episodes, Mapping) else None
    announced = distributions().get(source) if isinstance(source, str) else None
    if announced is not None and not announced.get("available"):
        missing = announced.get("missing") or f"The data of {source} is missing on the workers."
        raise Invalid(missing, code="missing_data", fields={"spec.episodes.source": [missing]})
    return checked


def _algorithm(spec: Any, known: Mapping[str, Any]) -> str:
    if not isinstance(spec, Mapping):
        message = "Expected an object such as {'algorithm': 'maml'}."
        raise Invalid(f"spec: {message}", fields={"spec": [message]})
    if not known:
        message = "No worker has announced what it can run yet: start one with ./run."
        raise Invalid(message, code="no_worker", fields={"spec.algorithm": [message]})
    algorithm = spec.get("algorithm")
    if isinstance(algorithm, str) and algorithm in known:
        return algorithm
    names = listed(list(known))
    message = (
        f"No worker knows the algorithm {cut(algorithm)!r}: choose one of {names}."
        f"{did_you_mean(algorithm, list(known))}"
        if isinstance(algorithm, str)
        else f"Missing: choose one of {names}."
    )
    raise Invalid(message, code="unknown_algorithm", fields={"spec.algorithm": [message]})


def _by_trust() -> list[Worker]:
    """All workers, the most trusted last."""
    return sorted(
        Worker.objects.all(),
        key=lambda one: (is_live(one), one.heartbeat_at is not None, one.heartbeat_at or 0),
    )
