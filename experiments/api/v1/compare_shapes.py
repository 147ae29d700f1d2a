"""What /compare/ answers: verdicts as JSON, the same shape for runs, groups and plain numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from experiments import floats
from experiments.api.fields import Choice, Input, Output, Text, Whole
from experiments.comparing import groups, sentences
from experiments.comparing.association import Associations
from experiments.comparing.group_verdict import GroupComparison, GroupScores, GroupVerdict
from experiments.comparing.groups import By
from experiments.comparing.protocol import Mismatch
from experiments.comparing.two_level import Estimate
from experiments.comparing.value_verdict import GroupValues, ValueComparison, ValueVerdict
from experiments.comparing.verdict import Comparison, Verdict
from experiments.models import Evaluation, Run

Json = dict[str, Any]


class EstimateOutput(Output):
    value = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval; null: none.")
    high = serializers.FloatField(allow_null=True)
    method = serializers.CharField()


class MismatchOutput(Output):
    field = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()
    forbids = serializers.BooleanField(help_text="Runs that differ in it are not compared.")
    values = serializers.DictField(help_text="By run.")


class SideOutput(Output):
    """A run or a group."""

    key = serializers.CharField(help_text="The id of its first run.")
    name = serializers.CharField()
    runs = serializers.ListField(child=serializers.CharField(), help_text="Those that count.")
    seeds = serializers.ListField(child=serializers.IntegerField(allow_null=True))
    left_out = serializers.DictField(help_text="By run: why it does not count.")
    mean = EstimateOutput(allow_null=True)
    iqm = EstimateOutput(allow_null=True)


class ComparisonOutput(Output):
    """B minus the baseline."""

    side = SideOutput()
    judgement = serializers.CharField(
        help_text="better, worse, unclear, unknown (too little to tell), excluded (measured "
        "otherwise), missing; of values without a direction: higher, lower."
    )
    sentence = serializers.CharField()
    floor = serializers.CharField(help_text="What so few seeds cannot show; empty: nothing.")
    difference = EstimateOutput(allow_null=True)
    iqm = EstimateOutput(allow_null=True)
    improvement = EstimateOutput(allow_null=True, help_text="Probability that B is better.")
    wins = serializers.IntegerField(allow_null=True)
    ties = serializers.IntegerField(allow_null=True)
    losses = serializers.IntegerField(allow_null=True)
    episodes = serializers.IntegerField(allow_null=True)
    seeds = serializers.ListField(child=serializers.IntegerField(), help_text="Of A and of B.")
    is_seed_paired = serializers.BooleanField()
    p_value = serializers.FloatField(allow_null=True)
    test = serializers.CharField()
    holm_p = serializers.FloatField(allow_null=True)
    seed_p = serializers.FloatField(allow_null=True, help_text="Permutes whole seeds.")
    least_seed_p = serializers.FloatField(allow_null=True, help_text="It cannot be below.")
    seed_test = serializers.CharField()
    excluded = serializers.ListField(
        child=serializers.CharField(), help_text="Common episodes without a finite value."
    )


class VerdictOutput(Output):
    by = serializers.CharField()
    metric = serializers.CharField()
    inner_steps = serializers.DictField(help_text="By run: after how many it is scored.")
    evaluations = serializers.DictField(help_text="By run: the id of the evaluation; null: none.")
    protocol = MismatchOutput(many=True)
    baseline = SideOutput()
    comparisons = ComparisonOutput(many=True)
    tests = serializers.IntegerField(help_text="That Holm's correction is over.")


class ValuesOutput(Output):
    by = serializers.CharField()
    key = serializers.CharField()
    stat = serializers.CharField()
    direction = serializers.CharField(help_text='min, max; "" is not known.')
    values = serializers.DictField(help_text="By run that counts.")
    baseline = SideOutput()
    comparisons = ComparisonOutput(many=True)
    tests = serializers.IntegerField()


class EpisodeValuesOutput(Output):
    episode = serializers.CharField()
    values = serializers.DictField(help_text="By run; null: it was not tried on the episode.")


class LevelOutput(Output):
    value = serializers.CharField()
    runs = serializers.IntegerField()
    median = serializers.FloatField(help_text="Of the metric.")


class AssociationOutput(Output):
    key = serializers.CharField()
    kind = serializers.CharField(help_text="number or level.")
    share = serializers.FloatField(help_text="Of the spread of the metric's ranks, 0 to 1.")
    correlation = serializers.FloatField(allow_null=True, help_text="Spearman's, of numbers.")
    p_value = serializers.FloatField()
    holm_p = serializers.FloatField()
    runs = serializers.IntegerField(help_text="N")
    levels = LevelOutput(many=True)


class WhyOutput(Output):
    key = serializers.CharField()
    stat = serializers.CharField()
    runs = serializers.IntegerField(help_text="Of the project, with the metric.")
    associations = AssociationOutput(many=True)
    untold = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of which too little is known."
    )


class EvaluateInput(Input):
    like = Text(required=False, help_text="The id of an evaluation to repeat the protocol of.")
    episodes = Whole(required=False)
    steps = Whole(required=False, help_text="Inner steps.")
    seed = Whole(required=False, help_text="Of the episodes.")
    query = Whole(required=False)
    selection = Choice(required=False, choices=["last", "best_validation"])
    queue = Text(required=False)


_ESTIMATE = {"value": -0.8, "low": -1.3, "high": -0.3, "method": "95 % t interval from ..."}
_SIDE = {
    "key": "1jh3v9r7k2m0c4qx", "name": "maml", "runs": ["1jh3v9r7k2m0c4qx"], "seeds": [0],
    "left_out": {}, "mean": {**_ESTIMATE, "value": 0.5, "low": 0.4, "high": 0.6}, "iqm": None,
}  # fmt: skip
_COMPARISON = {
    "side": _SIDE, "judgement": "better", "sentence": "maml is better than anil by 0.80 in query "
    "loss, 95 % interval 0.30 to 1.30, paired on the same 600 episodes, 3 paired seeds.",
    "floor": "3 paired seeds cannot reach a permutation p below 0.25, however large the "
    "difference.", "difference": _ESTIMATE, "iqm": _ESTIMATE,
    "improvement": {**_ESTIMATE, "value": 0.8, "low": 0.6, "high": 0.9},
    "wins": 500, "ties": 0, "losses": 100, "episodes": 600, "seeds": [3, 3],
    "is_seed_paired": True, "p_value": 0.01, "test": "t of the interval", "holm_p": 0.01,
    "seed_p": 0.25, "least_seed_p": 0.25, "seed_test": "exact permutation test, 8 sign patterns, "
    "over seeds", "excluded": [],
}  # fmt: skip
VERDICT_EXAMPLE = {
    "by": "seedless", "metric": "loss", "inner_steps": {"1jh3v9r7k2m0c4qx": 1},
    "evaluations": {"1jh3v9r7k2m0c4qx": "1jh3v9rb1n6e8gzz"}, "protocol": [], "baseline": _SIDE,
    "comparisons": [_COMPARISON], "tests": 1,
}  # fmt: skip
VALUES_EXAMPLE = {
    "by": "seedless", "key": "test/accuracy", "stat": "last", "direction": "max",
    "values": {"1jh3v9r7k2m0c4qx": 0.5}, "baseline": _SIDE, "comparisons": [_COMPARISON],
    "tests": 1,
}  # fmt: skip

WHY_EXAMPLE = {
    "key": "test/loss", "stat": "last", "runs": 40, "untold": [],
    "associations": [{
        "key": "inner.lr", "kind": "number", "share": 0.4, "correlation": -0.63,
        "p_value": 0.0001, "holm_p": 0.0001, "runs": 40, "levels": [],
    }],
}  # fmt: skip


def of_associations(found: Associations, key: str, stat: str) -> Json:
    """Params by their association with a metric."""
    return {
        "key": key,
        "stat": stat,
        "runs": found.runs,
        "associations": [
            {
                "key": one.key,
                "kind": one.kind,
                "share": one.share,
                "correlation": one.correlation,
                "p_value": one.p_value,
                "holm_p": one.holm_p,
                "runs": one.runs,
                "levels": [
                    {"value": text, "runs": count, "median": median}
                    for text, count, median in one.levels
                ],
            }
            for one in found.rows
        ],
        "untold": list(found.untold),
    }


def of_groups(
    found: GroupVerdict, runs: Sequence[Run], by: By, by_run: Mapping[str, Evaluation | None]
) -> Json:
    """A verdict between groups."""
    known = {run.pk: run for run in runs}
    base = known[found.baseline.group.key]
    return {
        "by": by,
        "metric": found.metric,
        "inner_steps": dict(found.inner_steps),
        "evaluations": _ids(by_run),
        "protocol": _protocol(found.mismatches, found.evaluated),
        "baseline": _scores(found.baseline),
        "comparisons": [
            _group(found, one, groups.differences(base, known[one.scores.group.key]))
            for one in found.comparisons
        ],
        "tests": found.tests,
    }


def of_runs(
    found: Verdict, runs: Sequence[Run], baseline: Run, by_run: Mapping[str, Evaluation | None]
) -> Json:
    """A verdict between single runs."""
    known = {run.pk: run for run in runs}
    evaluated = [run_id for run_id, one in by_run.items() if one is not None]
    return {
        "by": "run",
        "metric": found.metric,
        "inner_steps": dict(found.inner_steps),
        "evaluations": _ids(by_run),
        "protocol": _protocol(found.mismatches, evaluated),
        "baseline": _run(baseline),
        "comparisons": [
            _pair(found, one, baseline, known[one.run_id]) for one in found.comparisons
        ],
        "tests": found.tests,
    }


def of_values(found: ValueVerdict, key: str, runs: Sequence[Run]) -> Json:
    """A verdict by one number a run."""
    known = {run.pk: run for run in runs}
    base = known[found.baseline.group.key]
    return {
        "values": {
            run_id: value
            for one in found.groups
            for run_id, value in zip(one.run_ids, one.values.tolist(), strict=True)
        },
        "baseline": _values(found.baseline),
        "comparisons": [
            _value(found, one, key, groups.differences(base, known[one.group.group.key]))
            for one in found.comparisons
        ],
        "tests": found.tests,
    }


def _ids(by_run: Mapping[str, Evaluation | None]) -> Json:
    return {run_id: None if one is None else one.pk for run_id, one in by_run.items()}


def _protocol(mismatches: Sequence[Mismatch], run_ids: Sequence[str]) -> list[Json]:
    return [
        {
            "field": one.field,
            "title": one.title,
            "why": one.why,
            "forbids": one.forbids,
            "values": dict(zip(run_ids, one.values, strict=True)),
        }
        for one in mismatches
    ]


def _run(run: Run) -> Json:
    return {
        "key": run.pk,
        "name": run.name,
        "runs": [run.pk],
        "seeds": [groups.seed_of(run)],
        "left_out": {},
        "mean": None,
        "iqm": None,
    }


def _scores(one: GroupScores) -> Json:
    return {
        "key": one.group.key,
        "name": one.group.name,
        "runs": list(one.run_ids),
        "seeds": list(one.seeds),
        "left_out": dict(one.left_out),
        "mean": _estimate(one.mean),
        "iqm": _estimate(one.iqm),
    }


def _values(one: GroupValues) -> Json:
    bounds = one.interval
    return {
        "key": one.group.key,
        "name": one.group.name,
        "runs": list(one.run_ids),
        "seeds": list(one.seeds),
        "left_out": dict(one.left_out),
        "mean": _numbers(one.mean, bounds.low, bounds.high, bounds.method),
        "iqm": None,
    }


def _group(verdict: GroupVerdict, one: GroupComparison, differing: Sequence[str]) -> Json:
    found = one.contrast
    return {
        "side": _scores(one.scores),
        "judgement": one.judgement,
        "sentence": sentences.about_groups(verdict, one, differing),
        "floor": sentences.floor_of(found) if found else "",
        "difference": _estimate(found.mean) if found else None,
        "iqm": _estimate(found.iqm) if found else None,
        "improvement": _estimate(found.improvement) if found else None,
        "wins": found.wins if found else None,
        "ties": found.ties if found else None,
        "losses": found.losses if found else None,
        "episodes": found.episodes if found else None,
        "seeds": list(found.seeds) if found else [],
        "is_seed_paired": bool(found and found.is_seed_paired),
        "p_value": found.p_value if found else None,
        "test": "t of the two-level bootstrap" if found else "",
        "holm_p": one.holm_p,
        "seed_p": found.seed_p if found else None,
        "least_seed_p": found.least_seed_p if found else None,
        "seed_test": found.seed_test if found else "",
        "excluded": list(one.excluded),
    }


def _pair(verdict: Verdict, one: Comparison, a: Run, b: Run) -> Json:
    found = one.paired
    bounds = found.interval if found else None
    return {
        "side": _run(b),
        "judgement": one.judgement,
        "sentence": sentences.about_runs(verdict, one, a, b),
        "floor": "",
        "difference": _numbers(found.mean, bounds.low, bounds.high, bounds.method)
        if found and bounds
        else None,
        "iqm": None,
        "improvement": None,
        "wins": found.wins if found else None,
        "ties": found.ties if found else None,
        "losses": found.losses if found else None,
        "episodes": found.count if found else None,
        "seeds": [1, 1] if found else [],
        "is_seed_paired": False,
        "p_value": found.p_value if found else None,
        "test": found.test if found else "",
        "holm_p": one.holm_p,
        "seed_p": None,
        "least_seed_p": None,
        "seed_test": "",
        "excluded": list(found.excluded) if found else [],
    }


def _value(verdict: ValueVerdict, one: ValueComparison, key: str, differing: Sequence[str]) -> Json:
    bounds = one.interval
    return {
        "side": _values(one.group),
        "judgement": one.judgement,
        "sentence": sentences.about_values(verdict.baseline, one, key, differing),
        "floor": sentences.floor_of(one),
        "difference": _numbers(one.mean, bounds.low, bounds.high, bounds.method),
        "iqm": None,
        "improvement": None,
        "wins": None,
        "ties": None,
        "losses": None,
        "episodes": None,
        "seeds": list(one.seeds),
        "is_seed_paired": one.is_seed_paired,
        "p_value": one.p_value,
        "test": one.test,
        "holm_p": one.holm_p,
        "seed_p": one.seed_p,
        "least_seed_p": one.least_seed_p,
        "seed_test": one.seed_test,
        "excluded": [],
    }


def _estimate(found: Estimate | None) -> Json | None:
    return None if found is None else _numbers(found.value, found.low, found.high, found.method)


def _numbers(
    value: float | None, low: float | None, high: float | None, method: str
) -> Json | None:
    if value is None:
        return None
    return {
        "value": floats.to_json(value),
        "low": None if low is None else floats.to_json(low),
        "high": None if high is None else floats.to_json(high),
        "method": method,
    }
