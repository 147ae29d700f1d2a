"""The loop: repeats, resumes, diverges openly, and reports what it promises."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.metalearning.building import drop_system, short_spec, write_archives
from worker.metalearning.checkpoint import Checkpoint
from worker.metalearning.errors import CheckpointMismatch, DataMissing, Diverged
from worker.metalearning.specs import parse
from worker.metalearning.training import Report, train

ALL = ["maml", "fomaml", "reptile", "pretrained", "random_init", "oracle"]


def run(spec: dict[str, Any], **options: Any) -> list[Report]:
    return list(
        train(parse(spec), device="cpu", **{"omniglot_dir": None, "cache_dir": None, **options})
    )


def omniglot_spec(**changes: Any) -> dict[str, Any]:
    episodes = {"source": "omniglot", "way": 3, "train_characters": 16, "validation_characters": 4}
    return short_spec(
        episodes=episodes, network={"kind": "conv4", "filters": 4},
        inner={"lr": 0.4, "steps": 1}, **changes,
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ALL)
def test_one_seed_gives_the_same_numbers_bit_for_bit(algorithm: str) -> None:
    first, second = run(short_spec(algorithm)), run(short_spec(algorithm))

    assert drop_system(first) == drop_system(second)
    assert first[-1].evaluation is not None
    assert second[-1].evaluation is not None
    assert np.array_equal(first[-1].evaluation.losses, second[-1].evaluation.losses)


def test_another_seed_gives_other_numbers() -> None:
    first, second = run(short_spec(seed=0)), run(short_spec(seed=1))

    assert first[0].metrics["train/query_loss"] != second[0].metrics["train/query_loss"]


@pytest.mark.parametrize("algorithm", ["maml", "reptile", "pretrained"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_resuming_equals_not_stopping(algorithm: str, optimizer: str, tmp_path: Path) -> None:
    outer = {"steps": 12, "episodes_per_step": 4, "optimizer": optimizer, "schedule": "cosine"}
    spec = short_spec(algorithm, outer=outer, checkpoint_every=5)
    whole = run(spec)
    stopped = train(parse(spec), device="cpu", omniglot_dir=None, cache_dir=None)
    saved = next(report.checkpoint for report in stopped if report.checkpoint)
    stopped.close()
    saved.save(tmp_path / "checkpoint.pt")

    rest = run(spec, resume=Checkpoint.load(tmp_path / "checkpoint.pt"))

    assert rest[0].message == "resumed after 5 meta-steps"
    assert drop_system(rest[1:]) == drop_system([r for r in whole if r.step > 5])
    assert whole[-1].checkpoint is not None
    assert rest[-1].checkpoint is not None
    for name, param in whole[-1].checkpoint.parameters.items():
        assert torch.equal(param, rest[-1].checkpoint.parameters[name])


def test_resuming_keeps_the_best_validation(tmp_path: Path) -> None:
    evaluation = {"episodes": 6, "steps": 1, "every": 2, "selection": "best_validation"}
    spec = short_spec(evaluation=evaluation, checkpoint_every=5)
    whole = run(spec)
    saved = next(report.checkpoint for report in whole if report.checkpoint)
    saved.save(tmp_path / "c.pt")

    rest = run(spec, resume=Checkpoint.load(tmp_path / "c.pt"))

    losses = {
        r.step: r.evaluation.losses[:, -1].mean()
        for r in whole
        if r.evaluation and r.evaluation.name == "validation"
    }
    assert whole[-1].evaluation is not None
    assert rest[-1].evaluation is not None
    assert whole[-1].evaluation.step == min(losses, key=lambda step: losses[step])
    assert np.array_equal(whole[-1].evaluation.losses, rest[-1].evaluation.losses)
    assert rest[-1].evaluation.protocol["selection"] == "best validation"


def test_checkpoint_of_a_finished_run_is_only_tested_again() -> None:
    spec = short_spec()
    whole = run(spec)

    again = run(spec, resume=whole[-1].checkpoint)

    assert [report.step for report in again] == [12, 12]
    assert again[-1].metrics == whole[-1].metrics


def test_checkpoint_of_another_spec_is_refused() -> None:
    saved = run(short_spec())[-1].checkpoint

    with pytest.raises(CheckpointMismatch, match="seed"):
        run(short_spec(seed=3), resume=saved)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut"])
def test_broken_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.pt").write_bytes(content)

    with pytest.raises(CheckpointMismatch):
        Checkpoint.load(tmp_path / "c.pt")


def test_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"step": print}, tmp_path / "c.pt")

    with pytest.raises(CheckpointMismatch):
        Checkpoint.load(tmp_path / "c.pt")


def test_saving_leaves_no_temporary_file(tmp_path: Path) -> None:
    saved = run(short_spec())[-1].checkpoint
    assert saved is not None

    saved.save(tmp_path / "c.pt")
    saved.save(tmp_path / "c.pt")

    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_divergence_is_reported_with_its_value_and_raised() -> None:
    outer = {"steps": 200, "episodes_per_step": 4, "lr": 10.0, "optimizer": "sgd"}
    spec = parse(short_spec(outer=outer, evaluation={"every": 0}))
    reports = []

    with pytest.raises(Diverged) as caught:  # noqa: PT012 - the reports before it are the point
        for report in train(spec, device="cpu", omniglot_dir=None, cache_dir=None):
            reports.append(report)

    assert caught.value.step == reports[-1].step < 200
    assert not math.isfinite(reports[-1].metrics[caught.value.metric])
    assert all(math.isfinite(report.metrics["train/query_loss"]) for report in reports[:-1])


@pytest.mark.parametrize("algorithm", ALL)
def test_every_algorithm_is_tested_on_the_same_episodes(algorithm: str) -> None:
    result = run(short_spec(algorithm))[-1].evaluation
    reference = run(short_spec("maml"))[-1].evaluation

    assert result is not None
    assert reference is not None
    assert result.episode_ids == reference.episode_ids
    assert len(set(result.episode_ids)) == 10
    assert result.losses.shape == (10, 3)
    assert result.losses.dtype == np.float64
    assert result.accuracies is None
    assert result.protocol["algorithm"] == algorithm


def test_query_size_of_training_does_not_change_the_test_episodes() -> None:
    evaluation = {"episodes": 4, "steps": 1, "every": 0, "query": 7}
    few = {"source": "sinusoid", "shot": 5, "query": 1}
    many = {"source": "sinusoid", "shot": 5, "query": 20}

    one, two = (run(short_spec(episodes=e, evaluation=evaluation))[-1] for e in (few, many))

    assert one.evaluation is not None
    assert two.evaluation is not None
    assert one.evaluation.episode_ids == two.evaluation.episode_ids
    assert one.evaluation.protocol["query"] == 7


def test_protocol_names_what_makes_results_comparable() -> None:
    result = run(short_spec(inner={"lr": 0.02, "steps": 3}))[-1].evaluation

    assert result is not None
    assert result.protocol == {
        "source": "sinusoid", "way": None, "shot": 5, "query": 5, "inner_steps_trained": 3,
        "inner_steps_evaluated": 2, "inner_lr": 0.02, "batch_norm": "none", "adapts": True,
        "distribution_hash": result.episode_ids[0].split(":")[0], "episode_count": 10,
        "selection": "last", "split": "test", "seed": 0, "step_size": "fixed",
        "algorithm": "maml",
    }  # fmt: skip


def test_reports_come_at_the_steps_asked_for() -> None:
    spec = short_spec(log_every=5, checkpoint_every=6)
    reports = run(spec)

    assert [report.step for report in reports] == [1, 4, 5, 6, 8, 10, 12, 12]
    validated = [r.step for r in reports if r.evaluation and r.evaluation.name == "validation"]
    assert validated == [4, 8, 12]
    assert [r.step for r in reports if r.checkpoint] == [6, 12]
    assert reports[-1].evaluation is not None
    assert reports[-1].evaluation.name == "test"


def test_logging_less_often_changes_no_number() -> None:
    often, seldom = run(short_spec(log_every=1)), run(short_spec(log_every=6))

    by_step = {report.step: report.metrics["train/query_loss"] for report in often[:-1]}
    assert all(by_step[r.step] == r.metrics["train/query_loss"] for r in seldom[:-1])


def test_metric_names_of_a_validated_step() -> None:
    report = next(r for r in run(short_spec()) if r.evaluation)

    assert set(report.metrics) == {
        "train/query_loss", "train/support_loss", "train/grad_norm", "outer/lr",
        "system/episodes_per_s", "validation/query_loss_step_0", "validation/query_loss_step_1",
        "validation/query_loss_step_2",
    }  # fmt: skip


def test_cosine_schedule_falls_from_the_rate_towards_zero() -> None:
    outer = {"steps": 10, "episodes_per_step": 2, "lr": 0.01, "schedule": "cosine"}
    rates = [report.metrics["outer/lr"] for report in run(short_spec(outer=outer))[:-1]]

    expected = [0.005 * (1 + math.cos(math.pi * step / 10)) for step in range(10)]
    assert rates == pytest.approx(expected)


def test_gradient_clip_bounds_the_update() -> None:
    outer = {"steps": 2, "episodes_per_step": 4, "lr": 1.0, "optimizer": "sgd", "grad_clip": 0.01}
    spec = short_spec(outer=outer, checkpoint_every=1)
    first = run(spec)

    before, after = (r.checkpoint for r in first if r.checkpoint)
    assert first[1].metrics["train/grad_norm"] > 0.01
    change = sum(
        float((after.parameters[name] - param).square().sum())
        for name, param in before.parameters.items()
    )
    assert math.sqrt(change) == pytest.approx(0.01, rel=1e-3)


def test_no_inner_steps_means_no_adaptation() -> None:
    evaluation = {"episodes": 5, "steps": 0, "every": 0}
    reports = run(short_spec(inner={"lr": 0.01, "steps": 0}, evaluation=evaluation))
    adapted = run(short_spec(inner={"lr": 0.01, "steps": 0}, evaluation={**evaluation, "steps": 2}))

    assert reports[-1].evaluation is not None
    assert adapted[-1].evaluation is not None
    assert reports[-1].evaluation.losses.shape == (5, 1)
    assert np.array_equal(reports[-1].evaluation.losses[:, 0], adapted[-1].evaluation.losses[:, 0])


def test_oracle_does_not_adapt() -> None:
    result = run(short_spec("oracle"))[-1].evaluation

    assert result is not None
    assert np.array_equal(result.losses[:, 0], result.losses[:, -1])
    assert result.protocol["adapts"] is False


@pytest.mark.parametrize("algorithm", ["pretrained", "random_init"])
def test_fine_tuning_takes_the_step_size_best_in_validation(algorithm: str) -> None:
    sizes = [0.001, 0.01, 5.0]
    spec = short_spec(algorithm, fine_tuning={"step_sizes": sizes, "episodes": 8})

    tuning, test = run(spec)[-2:]

    chosen = tuning.metrics["fine_tuning/step_size"]
    assert chosen in (0.001, 0.01)
    assert tuning.message is not None
    assert all(f"{size:g}:" in tuning.message for size in sizes)
    assert test.evaluation is not None
    assert test.evaluation.protocol["inner_lr"] == chosen
    assert test.evaluation.protocol["step_size"] == "tuned"
    for size in sizes[:2]:
        alone = run({**spec, "fine_tuning": {"step_sizes": [size], "episodes": 8}})[-2]
        loss = alone.metrics["fine_tuning/validation_loss"]
        assert tuning.metrics["fine_tuning/validation_loss"] <= loss


def test_illustration_shows_two_episodes_before_and_after() -> None:
    spec = short_spec(evaluation={"episodes": 5, "steps": 10, "every": 0})
    result = run(spec)[-1].evaluation

    assert result is not None
    assert result.illustration is not None
    json.dumps(result.illustration, allow_nan=False)
    assert len(result.illustration["grid"]) == 100
    first, second = result.illustration["episodes"]
    assert [first["id"], second["id"]] == result.episode_ids[:2]
    assert set(first["predictions"]) == {"0", "1", "10"}
    curve = [first["amplitude"] * math.sin(x - first["phase"]) for x in result.illustration["grid"]]
    assert first["true"] == pytest.approx(curve, abs=1e-5)


def test_omniglot_run_reports_accuracy_and_batch_norm_mode(tmp_path: Path) -> None:
    reports = run(omniglot_spec(), omniglot_dir=write_archives(tmp_path))

    result = reports[-1].evaluation
    assert result is not None
    assert result.accuracies is not None
    assert result.accuracies.shape == (10, 3)
    assert set(np.unique(result.accuracies * 3).round(6)) <= {0.0, 1.0, 2.0, 3.0}
    assert result.protocol["batch_norm"] == "transductive"
    assert (result.protocol["way"], result.protocol["shot"], result.protocol["query"]) == (3, 1, 1)
    assert "train/query_accuracy" in reports[0].metrics
    assert result.illustration is None


def test_missing_data_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"images_background\.zip"):
        run(omniglot_spec(), omniglot_dir=tmp_path)


@pytest.mark.parametrize(("algorithm", "steps"), [("maml", 700), ("reptile", 700)])
def test_meta_training_learns_to_adapt(algorithm: str, steps: int) -> None:
    """After seconds of training, adaptation at least halves the loss it starts from."""
    spec = {
        "algorithm": algorithm,
        "inner": {"lr": 0.02, "steps": 1 if algorithm == "maml" else 5},
        "network": {"kind": "mlp", "hidden": [40, 40]},
        "outer": {"steps": steps, "episodes_per_step": 10, "lr": 0.003},
        "evaluation": {"episodes": 200, "steps": 5, "every": 0},
    }
    trained = run(spec)[-1].evaluation
    untrained = {name: spec[name] for name in ("network", "evaluation")}
    fresh = run({"algorithm": "random_init", **untrained})[-1].evaluation

    assert trained is not None
    assert fresh is not None
    assert trained.losses[:, -1].mean() < 0.5 * trained.losses[:, 0].mean()
    assert trained.losses[:, -1].mean() < 0.5 * fresh.losses[:, -1].mean()


def test_command_line_prints_json_lines_and_writes_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(short_spec(checkpoint_every=6)))
    command = [sys.executable, "-m", "worker.metalearning", str(path), "--out", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["evaluation"]["name"] == "test"
    assert len(lines[-1]["evaluation"]["losses"]) == 3
    assert Checkpoint.load(tmp_path / "checkpoint-6.pt").step == 6


def test_command_line_names_what_is_wrong_in_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(short_spec(seed=-1)))

    done = subprocess.run(
        [sys.executable, "-m", "worker.metalearning", str(path)], capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.startswith("seed: Expected")
