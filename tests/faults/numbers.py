"""The jobs that are disturbed, and what of their numbers must repeat bit for bit."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from worker.metalearning import specs
from worker.metalearning.training import train

SPEC = specs.as_dict(
    specs.parse(
        {
            "algorithm": "maml",
            "episodes": {"source": "sinusoid", "shot": 10},
            "outer": {"steps": 800, "episodes_per_step": 25},
            "evaluation": {"episodes": 50, "steps": 3, "every": 250,
                           "episodes_during_training": 20},
            "seed": 3,
            "log_every": 1,
            "checkpoint_every": 50,
        }
    )
)  # fmt: skip

# For jobs that nothing happens to while they train.
SHORT = {**SPEC, "outer": {**SPEC["outer"], "steps": 150}}

Points = dict[str, list[tuple[int, float]]]


@dataclass
class Numbers:
    """Points by key (without `system/`), and episodes by name and step of the evaluation."""

    points: Points
    evaluations: dict[tuple[str, int], tuple[list[str], np.ndarray]]

    def assert_same(self, other: "Numbers") -> None:
        assert self.points.keys() == other.points.keys()
        for key, points in other.points.items():
            assert self.points[key] == points, key
        assert self.evaluations.keys() == other.evaluations.keys()
        for name, (ids, losses) in other.evaluations.items():
            assert self.evaluations[name][0] == ids
            assert np.array_equal(self.evaluations[name][1], losses)


def undisturbed(spec: Mapping[str, Any]) -> Numbers:
    """Of the spec trained in this process: no queue, no database, nothing killed."""
    return _undisturbed(json.dumps(spec, sort_keys=True))


@functools.cache
def _undisturbed(spec: str) -> Numbers:
    numbers = Numbers({}, {})
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    try:
        reports = train(
            specs.parse(json.loads(spec)), device="cpu", omniglot_dir=None, cache_dir=None
        )
        for report in reports:
            for key, value in report.metrics.items():
                if not key.startswith("system/"):
                    numbers.points.setdefault(key, []).append((report.step, value))
            for result in (report.evaluation, report.seen):
                if result is not None:
                    episodes = (list(result.episode_ids), result.losses)
                    numbers.evaluations[result.name, result.step] = episodes
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
    return numbers
