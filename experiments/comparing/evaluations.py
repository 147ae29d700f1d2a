"""Which evaluation of each compared run counts."""

from collections.abc import Mapping, Sequence

from django.db.models import Q

from experiments.comparing import protocol
from experiments.comparing.statistics import Metric
from experiments.models import Evaluation

PREFERRED = "test"
# "test@1f0c3b9a" is `test` made once more, under a protocol asked for (`comparing.fairness`).
AGAIN = "@"


def names(run_ids: Sequence[str]) -> list[str]:
    """The names of these runs' evaluations, the usual one first; without those made again."""
    rows = Evaluation.objects.filter(run__in=run_ids).values_list("name", flat=True)
    found = {name.partition(AGAIN)[0] for name in rows.distinct()}
    return sorted(found, key=lambda name: (name != PREFERRED, name))


def chosen(run_ids: Sequence[str], name: str, *, baseline_id: str) -> dict[str, Evaluation | None]:
    """The evaluation `name` of each run, the newest; None for a run without one.

    Where the baseline has one and a run's was made otherwise, what was made again under the
    baseline's protocol counts for that run.
    """
    rows = Evaluation.objects.filter(
        Q(name=name) | Q(name__startswith=f"{name}{AGAIN}"), run__in=run_ids
    ).defer("illustration", "episode_ids", "losses", "accuracies")
    # The newest of each run and name by its id first: a run may be validated a thousand times.
    newest = {
        (run_id, of): pk
        for run_id, of, pk in rows.order_by("step").values_list("run_id", "name", "pk")
    }
    found: dict[str, list[Evaluation]] = {run_id: [] for run_id in run_ids}
    for one in rows.filter(pk__in=newest.values()):
        found[one.run_id].append(one)
    plain = [one for one in found.get(baseline_id, ()) if one.name == name]
    baseline = plain[0] if plain else None
    counting = {
        run_id: baseline if run_id == baseline_id else _fairest(some, name, baseline)
        for run_id, some in found.items()
    }
    wanted = [one.pk for one in counting.values() if one is not None]
    whole = Evaluation.objects.defer("illustration").in_bulk(wanted)
    return {run_id: one and whole[one.pk] for run_id, one in counting.items()}


def metrics(present: Sequence[Evaluation]) -> tuple[Metric, ...]:
    """What all of them measured, the usual one first."""
    if present and all("accuracy" in one.summary for one in present):
        return ("accuracy", "loss")
    return ("loss",)


def at(present: Mapping[str, Evaluation], text: str) -> int | None:
    """The inner step that a control asks for, where every evaluation has it; None: as trained."""
    most = most_steps(present)
    return int(text) if text.isdecimal() and len(text) < 6 and int(text) <= most else None


def most_steps(present: Mapping[str, Evaluation]) -> int:
    """The last inner step that all were scored after."""
    return min((one.inner_steps for one in present.values()), default=0)


def _fairest(
    some: Sequence[Evaluation], name: str, baseline: Evaluation | None
) -> Evaluation | None:
    plain = next((one for one in some if one.name == name), None)
    if baseline is None:
        return plain
    return min(some, key=lambda one: (*_unfairness(one, baseline), one is not plain), default=None)


def _unfairness(one: Evaluation, baseline: Evaluation) -> tuple[int, int]:
    found = protocol.check([baseline, one])
    forbidding = sum(mismatch.forbids for mismatch in found)
    sizes = sum(mismatch.field in protocol.SIZES for mismatch in found)
    return forbidding, sizes
