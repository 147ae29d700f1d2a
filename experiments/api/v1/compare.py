"""/compare/: the verdict over several runs or groups, and the numbers that it stands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import floats, lifecycle, reading
from experiments.api.auth import SIGNED_IN, seen
from experiments.api.docs import documented
from experiments.api.idempotency import idempotent
from experiments.api.pages import Pages
from experiments.api.v1 import compare_shapes as shapes
from experiments.api.v1.compared_runs import LEAST, MOST, choice, invalid, runs_asked
from experiments.api.v1.jobs import DETAIL_EXAMPLE, JobDetailOutput
from experiments.api.views import ApiView, RunView, or_not_found
from experiments.comparing import association, evaluations, groups, params, statistics, verdict
from experiments.comparing import group_verdict as between_groups
from experiments.comparing import value_verdict as by_values
from experiments.comparing.evaluations import PREFERRED
from experiments.comparing.groups import By
from experiments.comparing.metrics import STATS, Stat, number_of
from experiments.comparing.statistics import IntervalMethod, Metric
from experiments.directions import Direction, direction_of_name
from experiments.errors import Invalid
from experiments.models import Evaluation, Role, Run
from experiments.params_hash import SEED

TRAINED = "trained"

SELECTION = (
    ("runs", str, f"{LEAST} to {MOST} ids of runs, separated by commas."),
    ("by", str, "What is compared: run, seedless (runs that differ in nothing but the seed are one "
     "group), group, or fields such as params.lr,tags.dataset. Left out: seedless where there are "
     "several groups of several seeds each."),
    ("baseline", str, "The id of a run; the first. Its group is the baseline."),
)  # fmt: skip
PROTOCOL = (
    ("evaluation", str, f"Name of the evaluations; {PREFERRED}."),
    ("metric", str, "loss or accuracy; accuracy where all have it."),
    ("step", str, f"The inner step; {TRAINED}: each run after those it was trained with."),
)

KEY = ("key", str, "The key of the metric.")
STAT = ("stat", str, f"{', '.join(STATS)}; {STATS[0]}.")


@dataclass(frozen=True)
class Asked:
    """The runs of a query string, in its order."""

    runs: Sequence[Run]
    baseline: Run
    by: By

    @property
    def ids(self) -> list[str]:
        return [run.pk for run in self.runs]


@dataclass(frozen=True, eq=False)
class Tried:
    """The evaluations that count, and what of them."""

    name: str
    by_run: Mapping[str, Evaluation | None]
    metric: Metric
    inner_step: int | None

    @property
    def present(self) -> dict[str, Evaluation]:
        return {run_id: one for run_id, one in self.by_run.items() if one is not None}


class CompareVerdict(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "compare_verdict",
        "Is a run, or a group of runs, better than the baseline?",
        description="Protocol first: a run that was measured otherwise is left out and named. Then "
        "paired tests on common episodes; docs/statistics.md has every formula. Accuracies are "
        "fractions; in `sentence` they are in points.",
        answer=shapes.VerdictOutput,
        example=shapes.VERDICT_EXAMPLE,
        query=(*SELECTION, *PROTOCOL, ("interval", str, "Of pairs of runs: t or bootstrap; t.")),
    )
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        tried = _tried(request, asked)
        if asked.by == "run":
            interval = choice(request, "interval", get_args(IntervalMethod), "t")
            found = verdict.judge(
                tried.by_run,
                baseline_id=asked.baseline.pk,
                metric=tried.metric,
                inner_step=tried.inner_step,
                interval="bootstrap" if interval == "bootstrap" else "t",
            )
            return Response(shapes.of_runs(found, asked.runs, asked.baseline, tried.by_run))
        between = between_groups.judge(
            groups.group(asked.runs, asked.by),
            tried.by_run,
            baseline_id=asked.baseline.pk,
            metric=tried.metric,
            inner_step=tried.inner_step,
        )
        return Response(shapes.of_groups(between, asked.runs, asked.by, tried.by_run))


class CompareValues(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "compare_values",
        "Is a group of runs better by one number a run?",
        description="For runs without episodes: each training is one observation, so one run a "
        "side has no interval and no p. Groups of the same seeds are paired.",
        answer=shapes.ValuesOutput,
        example=shapes.VALUES_EXAMPLE,
        query=(
            *SELECTION,
            KEY,
            STAT,
            ("direction", str, "min or max; by the project's main metric, else by the key."),
        ),
    )
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        key, stat = _key_and_stat(request)
        summaries = reading.series_summaries(asked.ids, [key])
        values = {run_id: number_of(summaries[run_id].get(key), stat)[0] for run_id in asked.ids}
        direction = _direction(request, asked, key)
        found = by_values.judge(
            groups.group(asked.runs, asked.by),
            values,
            baseline_id=asked.baseline.pk,
            direction=direction,
        )
        return Response(
            {"by": asked.by, "key": key, "stat": stat, "direction": direction}
            | shapes.of_values(found, key, asked.runs)
        )


class CompareWhy(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "compare_why",
        "Which of the differences go along with a metric?",
        description="The params in which the runs differ, by the share of the metric's ranks that "
        "each accounts for over the project's newest 2,000 runs. Association, not cause.",
        answer=shapes.WhyOutput,
        example=shapes.WHY_EXAMPLE,
        query=(SELECTION[0], KEY, STAT),
    )
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        project = asked.baseline.project
        if any(run.project_id != project.pk for run in asked.runs):
            raise invalid("runs", "Name runs of one project.")
        key, stat = _key_and_stat(request)
        rows = params.compare(asked.runs).rows
        differing = [row.key for row in rows if row.differs and row.key != SEED]
        found = association.rank(project, differing, metric=key, stat=stat)
        return Response(shapes.of_associations(found, key, stat))


class CompareEpisodes(ApiView):
    needed = {"GET": SIGNED_IN}
    pages = Pages(most=10_000)

    @documented(
        "compare_episodes",
        "The numbers behind a verdict, episode by episode",
        description="Every episode of any run's evaluation; null where a run was not tried on it.",
        answer=shapes.EpisodeValuesOutput,
        example={"episode": "5105:test:0:0", "values": {"1jh3v9r7k2m0c4qx": 0.55}},
        paged=True,
        query=(*SELECTION, *PROTOCOL),
    )
    def get(self, request: Request) -> Response:
        asked = _asked(request)
        tried = _tried(request, asked)
        steps = verdict.default_steps(tried.present)
        if tried.inner_step is not None:
            steps = dict.fromkeys(tried.present, tried.inner_step)
        tables = {
            run_id: statistics.by_episode(reading.episodes(one), steps[run_id], tried.metric)
            for run_id, one in tried.present.items()
        }
        ids = list(dict.fromkeys(one for table in tables.values() for one in table))

        def show(some: Sequence[str]) -> list[dict[str, Any]]:
            return [
                {
                    "episode": one,
                    "values": {
                        run_id: floats.to_json(table[one]) if one in table else None
                        for run_id, table in tables.items()
                    },
                }
                for one in some
            ]

        return self.pages.slice(request, ids, show=show)


class RunEvaluate(RunView):
    needed = {"POST": Role.MEMBER}

    @documented(
        "runs_evaluate",
        "Evaluate a finished run once more",
        description="A job tries the last checkpoint of the run, which a worker trained; what it "
        "finds is a further evaluation of the run, called test@ and a mark of its protocol. `like` "
        "takes episodes, their number and inner steps from another evaluation, so that a "
        "comparison with it is fair.",
        answer=JobDetailOutput,
        example=DETAIL_EXAMPLE,
        status=201,
        body=shapes.EvaluateInput,
        body_example={"like": "1jh3v9rb1n6e8gzz"},
    )
    @idempotent()
    def post(self, request: Request, run_id: str) -> Response:
        asked = self.read(shapes.EvaluateInput)
        like = None
        if (wanted := asked.pop("like", None)) is not None:
            rows = Evaluation.objects.filter(seen(request, "run__project"), pk=wanted)
            like = or_not_found(rows.first())
        queue = asked.pop("queue", "default")
        job = lifecycle.submit_evaluation(
            self.run, user=self.caller, like=like, changes=asked, queue=queue
        )
        return Response(JobDetailOutput(job).data, status=201)


def _asked(request: Request) -> Asked:
    """The runs that the caller may see. Raises Invalid, and NotFound naming one that is missing."""
    runs = runs_asked(request)
    by_id = {run.pk: run for run in runs}
    baseline = request.query_params.get("baseline", runs[0].pk)
    if baseline not in by_id:
        raise invalid("baseline", "Name one of the runs.")
    by = request.query_params.get("by", "") or groups.usual(runs)
    if by not in groups.BYS:
        groups.fields_in(by)
    return Asked(runs, by_id[baseline], by)


def _tried(request: Request, asked: Asked) -> Tried:
    names = evaluations.names(asked.ids)
    if not names:
        message = "None of these runs has an evaluation: compare by a metric (/compare/values/)."
        raise Invalid(message, code="no_evaluation", fields={"runs": [message]})
    name = choice(request, "evaluation", names, names[0])
    by_run = evaluations.chosen(asked.ids, name, baseline_id=asked.baseline.pk)
    present = {run_id: one for run_id, one in by_run.items() if one is not None}
    measured = evaluations.metrics(list(present.values()))
    wanted = choice(request, "metric", measured, measured[0])
    metric = next(one for one in measured if one == wanted)
    text = request.query_params.get("step", TRAINED)
    step = evaluations.at(present, text)
    if step is None and text != TRAINED:
        most = evaluations.most_steps(present)
        raise invalid("step", f"Use {TRAINED}, or a whole number from 0 to {most}.")
    return Tried(name, by_run, metric, step)


def _key_and_stat(request: Request) -> tuple[str, Stat]:
    key = request.query_params.get("key", "")
    if not key:
        raise invalid("key", "Name a metric.")
    stat = choice(request, "stat", STATS, STATS[0])
    return key, next(one for one in STATS if one == stat)


def _direction(request: Request, asked: Asked, key: str) -> Direction:
    given = choice(request, "direction", ("min", "max"), "")
    project = asked.baseline.project
    if not given and project.main_metric == key:
        given = project.main_metric_direction
    if given:
        return "max" if given == "max" else "min"
    return direction_of_name(key)


urlpatterns = [
    path("compare/verdict/", CompareVerdict.as_view()),
    path("compare/values/", CompareValues.as_view()),
    path("compare/why/", CompareWhy.as_view()),
    path("compare/episodes/", CompareEpisodes.as_view()),
    path("runs/<slug:run_id>/evaluate/", RunEvaluate.as_view()),
]
