"""Single episodes of an evaluation: what is kept of them is what the evaluation measured."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.metalearning.building import short_spec, write_archives
from worker.metalearning.answers import WORST, telling_places
from worker.metalearning.evaluation import EvaluationResult
from worker.metalearning.specs import parse
from worker.metalearning.training import Report, train


def reports(spec: dict[str, Any], omniglot_dir: Path | None = None) -> list[Report]:
    options = {"device": "cpu", "omniglot_dir": omniglot_dir, "cache_dir": None}
    return list(train(parse(spec), **options))


def result_of(spec: dict[str, Any], omniglot_dir: Path | None = None) -> EvaluationResult:
    result = reports(spec, omniglot_dir)[-1].evaluation
    assert result is not None
    return result


def test_worst_median_and_best_episodes_are_told_by_their_loss() -> None:
    losses = np.array([3.0, 1.0, 9.0, 2.0, 8.0, 4.0, 7.0, 6.0, 5.0])

    assert telling_places(losses) == [2, 4, 6, 7, 8, 1]  # the median is the fifth worst


def test_loss_that_is_not_finite_is_the_worst() -> None:
    assert telling_places(np.array([3.0, math.nan, 9.0, math.inf]))[:2] == [1, 3]


def test_lower_accuracy_is_worse_and_among_equal_ones_a_higher_loss() -> None:
    losses, accuracies = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 1.0])

    assert telling_places(losses, accuracies) == [1, 0, 2]


def test_few_episodes_are_told_once_each() -> None:
    assert sorted(telling_places(np.array([1.0, 2.0]))) == [0, 1]


@pytest.mark.parametrize("algorithm", ["maml", "reptile", "pretrained", "random_init", "oracle"])
def test_answers_have_the_losses_that_the_evaluation_measured(algorithm: str) -> None:
    result = result_of(short_spec(algorithm))

    assert len(result.answers) == WORST + 2
    for episode_id, document in result.answers.items():
        row = result.losses[result.episode_ids.index(episode_id)]
        assert document["losses"] == pytest.approx(row.tolist(), rel=1e-5)
        json.dumps(document, allow_nan=False)


def test_sinusoid_answers_hold_points_and_curves_of_every_step() -> None:
    result = result_of(short_spec())
    document = result.answers[next(iter(result.answers))]

    assert document["inner_steps"] == [0, 1, 2]
    assert document["support"]["count"] == 5
    assert [len(curve) for curve in document["curve"]["predicted"]] == [100] * 3
    errors = np.array(document["predicted"]) - np.array(document["query"]["y"])
    assert (errors**2).mean(axis=1) == pytest.approx(document["losses"], rel=1e-3)


def test_omniglot_answers_hold_pictures_and_predicted_classes(tmp_path: Path) -> None:
    spec = {
        "algorithm": "maml",
        "episodes": {
            "source": "omniglot", "way": 3, "train_characters": 16, "validation_characters": 4,
        },
        "network": {"kind": "conv4", "filters": 4},
        "inner": {"lr": 0.4, "steps": 1},
        "outer": {"steps": 2, "episodes_per_step": 2},
        "evaluation": {"episodes": 10, "steps": 2, "every": 0},
    }  # fmt: skip
    result = result_of(spec, write_archives(tmp_path))
    assert result.accuracies is not None

    for episode_id, document in result.answers.items():
        place = result.episode_ids.index(episode_id)
        right = np.array(document["predicted"]) == np.array(document["query"]["y"])
        assert right.mean(axis=1) == pytest.approx(result.accuracies[place].tolist())
        pixels = base64.b64decode(document["support"]["pixels"])
        assert len(pixels) == math.prod([3, *document["support"]["shape"]])
        assert np.array(document["confidence"]).shape == (3, 3)


def test_many_inner_steps_are_thinned_out_with_both_ends() -> None:
    spec = short_spec(evaluation={"episodes": 2, "steps": 100, "every": 0})
    document = next(iter(result_of(spec).answers.values()))

    assert (document["inner_steps"][0], document["inner_steps"][-1]) == (0, 100)
    assert len(document["predicted"]) == len(document["inner_steps"]) == 21


def test_training_split_is_evaluated_beside_validation_and_test() -> None:
    found = reports(short_spec())
    seen = [(report.step, report.seen) for report in found if report.seen]

    assert [step for step, _ in seen] == [4, 8, 12, 12]
    assert {result.split for _, result in seen} == {"train"}
    assert {len(result.episode_ids) for _, result in seen} == {5}
    # Selected last: the test looks at the parameters of the last validation.
    assert seen[-1][1].losses.tolist() == seen[-2][1].losses.tolist()


def test_step_size_chosen_by_fine_tuning_is_that_of_both_splits() -> None:
    last = reports(short_spec("pretrained"))[-1]

    assert last.seen is not None
    assert last.evaluation is not None
    assert last.seen.protocol["inner_lr"] == last.evaluation.protocol["inner_lr"]
    assert last.seen.protocol["step_size"] == "tuned"
