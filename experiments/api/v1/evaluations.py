"""/evaluations/: a checkpoint tried on N episodes, every episode kept under its stable id."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import floats, lifecycle, reading, recording
from experiments.access import Place
from experiments.api.docs import documented
from experiments.api.fields import Input, Object, Output, Text, Whole, type_name
from experiments.api.idempotency import idempotent
from experiments.api.pages import Pages
from experiments.api.views import ApiView, RunView, or_not_found, seen
from experiments.models import Evaluation, Role
from experiments.problems import Problems
from experiments.shapes import FloatArray


class EvaluationOutput(Output):
    id = serializers.CharField()
    run = serializers.CharField(source="run_id")
    name = serializers.CharField()
    split = serializers.CharField()
    step = serializers.IntegerField(help_text="Meta-step of the evaluated parameters.")
    episode_count = serializers.IntegerField()
    inner_steps = serializers.IntegerField()
    protocol = serializers.DictField()
    summary = serializers.DictField(
        help_text="Per metric and inner step 0..S: mean and half width of its 95 % interval."
    )
    created_at = serializers.DateTimeField()


class EpisodeOutput(Output):
    id = serializers.CharField()
    losses = serializers.ListField(help_text="Query loss after 0..S inner steps.")
    accuracies = serializers.ListField(allow_null=True)


class EvaluationInput(Input):
    name = Text(help_text="Such as test or validation.")
    split = Text()
    step = Whole(min_value=0, max_value=2**63 - 1)
    episode_ids = serializers.ListField()
    losses = serializers.ListField(help_text="N rows of S + 1 numbers.")
    accuracies = serializers.ListField(required=False, allow_null=True)
    inner_steps = Whole(min_value=0, help_text="S")
    protocol = Object(help_text="way, shot, query, seed, distribution_hash, ...")


EXAMPLE = {
    "id": "1jh3v9rb1n6e8gzz",
    "run": "1jh3v9r7k2m0c4qx",
    "name": "test",
    "split": "test",
    "step": 20000,
    "episode_count": 2,
    "inner_steps": 1,
    "protocol": {"shot": 10, "query": 10, "inner_steps_trained": 1, "seed": 0},
    "summary": {"loss": {"mean": [3.1, 0.45], "half_width": [2.5, 1.3]}},
    "created_at": "2026-11-23T12:00:00Z",
}
EXAMPLE_INPUT = {
    "name": "test",
    "split": "test",
    "step": 20000,
    "episode_ids": ["test-0", "test-1"],
    "losses": [[3.3, 0.55], [2.9, 0.35]],
    "inner_steps": 1,
    "protocol": {"shot": 10, "query": 10, "inner_steps_trained": 1, "seed": 0},
}


class RunEvaluations(RunView):
    needed = {"GET": Role.VIEWER, "POST": Role.MEMBER}

    @documented(
        "evaluations_list",
        "List the evaluations of a run",
        answer=EvaluationOutput,
        example=EXAMPLE,
        paged=True,
    )
    def get(self, request: Request, run_id: str) -> Response:
        rows = Evaluation.objects.filter(run=self.run).defer(
            "episode_ids", "losses", "accuracies", "illustration"
        )
        return self.pages.page(
            request, rows, by="-id", show=lambda some: EvaluationOutput(some, many=True).data
        )

    @documented(
        "evaluations_create",
        "Record an evaluation",
        description="Again under the same name and step: it replaces the earlier one. A number "
        'that JSON lacks is one of the strings "nan", "inf" and "-inf".',
        answer=EvaluationOutput,
        example=EXAMPLE,
        status=201,
        body=EvaluationInput,
        body_example=EXAMPLE_INPUT,
    )
    @idempotent()
    def post(self, request: Request, run_id: str) -> Response:
        asked = self.read(EvaluationInput)
        columns = asked["inner_steps"] + 1
        problems = Problems()
        losses = _table("losses", asked.pop("losses"), columns, problems)
        given = asked.pop("accuracies", None)
        accuracies = None if given is None else _table("accuracies", given, columns, problems)
        problems.check()
        with lifecycle.sign_of_life(self.run.pk):
            evaluation = recording.record_evaluation(
                run_id=self.run.pk, attempt=None, losses=losses, accuracies=accuracies, **asked
            )
        return Response(EvaluationOutput(evaluation).data, status=201)


def _table(path: str, rows: Sequence[Any], columns: int, problems: Problems) -> FloatArray:
    """Rows of `columns` numbers as an array; problems name the place, such as losses[3][0]."""
    numbers: list[list[float]] = []
    for index, row in enumerate(rows):
        where = f"{path}[{index}]"
        if not isinstance(row, list):
            problems.add(where, f"Expected a list of numbers, got {type_name(row)}.")
        elif len(row) != columns:
            problems.add(
                where, f"Has {len(row)} numbers; needs {columns}: one per inner step from 0."
            )
        else:
            numbers.append(_numbers(where, row, problems))
    if problems.fields:
        return np.empty((0, 0))
    return np.array(numbers, dtype=np.float64).reshape(len(numbers), columns)


def _numbers(path: str, row: list[Any], problems: Problems) -> list[float]:
    found: list[float] = []
    for index, value in enumerate(row):
        if isinstance(value, str) and value in floats.NAMES:
            found.append(floats.from_name(value))
        elif type(value) in (int, float):
            found.append(float(value))
        else:
            shown = type_name(value)
            problems.add(
                f"{path}[{index}]", f'Expected a number, "nan", "inf" or "-inf", got {shown}.'
            )
    return found


class EvaluationView(ApiView):
    """Below /evaluations/<evaluation_id>/."""

    @property
    def evaluation(self) -> Evaluation:
        if not hasattr(self, "_evaluation"):
            rows = Evaluation.objects.select_related("run__project__workspace").filter(
                seen(self.request, "run__project"),
                pk=self.kwargs["evaluation_id"],
            )
            self._evaluation = or_not_found(rows.first())
        return self._evaluation

    def find_place(self) -> Place:
        return self.evaluation.run.project


class EvaluationDetail(EvaluationView):
    needed = {"GET": Role.VIEWER}

    @documented("evaluations_get", "One evaluation", answer=EvaluationOutput, example=EXAMPLE)
    def get(self, request: Request, evaluation_id: str) -> Response:
        return Response(EvaluationOutput(self.evaluation).data)


class EvaluationEpisodes(EvaluationView):
    needed = {"GET": Role.VIEWER}
    pages = Pages(most=10_000)

    @documented(
        "evaluations_episodes",
        "The episodes of an evaluation",
        answer=EpisodeOutput,
        example={"id": "test-0", "losses": [3.3, 0.55], "accuracies": None},
        paged=True,
    )
    def get(self, request: Request, evaluation_id: str) -> Response:
        found = reading.episodes(self.evaluation)

        def show(numbers: Sequence[int]) -> list[dict[str, Any]]:
            return [
                {
                    "id": found.ids[index],
                    "losses": floats.list_to_json(found.losses[index]),
                    "accuracies": None
                    if found.accuracies is None
                    else floats.list_to_json(found.accuracies[index]),
                }
                for index in numbers
            ]

        return self.pages.slice(request, range(len(found.ids)), show=show)
