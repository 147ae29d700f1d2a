"""Compared runs as optimizers: learned ones, and the hand-made ones that they were tried beside."""

from collections.abc import Sequence

from dashboard.charts.adaptation import AdaptationLine
from dashboard.comparison.evaluations import Evaluated
from dashboard.comparison.selection import Selection
from dashboard.episodes.optimizer_race import hand_made_of, opponent_lines
from experiments import reading
from experiments.models import Evaluation


def compared_lines(selection: Selection, found: Evaluated) -> list[AdaptationLine]:
    """The runs shown, and each hand-made optimizer of the first run that tried it on the problems
    that the baseline met; none where no run tried any."""
    opponents = _opponents(selection, found)
    shown = [
        AdaptationLine(reading.adaptation(one), compared.label, compared.slot, compared.dash)
        for compared in selection.drawn
        if (one := found.by_run[compared.run.pk]) is not None
    ]
    if not opponents or not shown:
        return []
    taken = [compared.slot for compared in selection.compared]
    return [*shown, *opponent_lines(opponents, taken=taken)]


def _opponents(selection: Selection, found: Evaluated) -> Sequence[Evaluation]:
    tried = hand_made_of(selection.ids)
    baseline = found.by_run[selection.baseline.run.pk] or next(iter(found.present.values()), None)
    if baseline is None:
        return []
    problems = baseline.protocol.get("distribution_hash")
    by_name: dict[str, Evaluation] = {}
    for run_id in selection.ids:
        for one in tried.get(run_id, ()):
            if one.protocol.get("distribution_hash") == problems:
                by_name.setdefault(one.name, one)
    return list(by_name.values())
