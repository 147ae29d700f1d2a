"""The one training loop: a generator of reports; recording, stopping and saving are the caller's.

What repeats bit for bit: every metric outside `system/`, for the same spec, torch version and
processor kind, by any number of threads. Metrics of a report with step s are of the s-th
meta-step's batch, at the parameters it found; validation and checkpoint of that report are of the
parameters it left, and so are learned rates.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from worker.metalearning.adapters import Adapter
from worker.metalearning.algorithms import Crew, build_learner
from worker.metalearning.algorithms.base import outer_gradients
from worker.metalearning.answers import answers, telling_places
from worker.metalearning.checkpoint import Best, Checkpoint
from worker.metalearning.distributions.factory import (
    evaluation_distribution,
    training_distribution,
)
from worker.metalearning.distributions.identity import Split
from worker.metalearning.distributions.problems import DigitsProblems, QuadraticProblems
from worker.metalearning.distributions.sinusoid import Sinusoid
from worker.metalearning.errors import CheckpointMismatch, Diverged
from worker.metalearning.evaluation import (
    EvaluationResult,
    evaluate,
    metrics_of,
    tuned_step_size,
)
from worker.metalearning.illustration import sinusoid_illustration
from worker.metalearning.initialisation import plain_initialisation
from worker.metalearning.networks import (
    Parameters,
    batch_norm_mode,
    initial_parameters,
)
from worker.metalearning.optimization import OuterOptimizer
from worker.metalearning.optimizing.opponents import opponents, tuned_rate, tuning_text
from worker.metalearning.specs import (
    BanditSpec,
    Evaluation,
    FineTuning,
    HandMadeSpec,
    Inner,
    LstmOptimizerSpec,
    OptimizerTrials,
    OptimizingSpec,
    Outer,
    RecurrentSpec,
    Spec,
    as_dict,
    parse,
)
from worker.metalearning.tracing.routes import draws

RECORDED_POINTS = 1000
STRIDE = 10_000_001  # between the seeds of two runs: more than meta-steps can be


@dataclass(frozen=True)
class Report:
    """What one recorded meta-step has to say."""

    step: int
    metrics: dict[str, float]
    checkpoint: Checkpoint | None = None
    evaluation: EvaluationResult | None = None
    seen: EvaluationResult | None = None  # the same parameters on episodes of the training split
    message: str | None = None


def train(
    spec: Spec, *, device: torch.device | str, omniglot_dir: Path | None, cache_dir: Path | None,
    datasets_dir: Path | None = None, threads: int = 1, resume: Checkpoint | None = None,
    wants_checkpoint: Callable[[], bool] = lambda: False,
) -> Iterator[Report]:  # fmt: skip
    """Meta-train, validate and test as the spec says.

    `threads` share the episodes of a meta-step; torch's own threads, which would split the sums
    inside an operation, are set to one for the process, and its algorithms to deterministic ones.
    `wants_checkpoint` is asked after each meta-step but the last: true makes that step yield a
    report with a checkpoint (and no metrics, unless they are due), besides those of the spec.
    Raises DataMissing, CheckpointMismatch, and Diverged after yielding the report that shows it.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    session = _Session(
        spec, torch.device(device), (omniglot_dir, cache_dir, datasets_dir), Crew(threads)
    )
    if resume:
        session.restore(resume)
        yield Report(resume.step, {}, message=f"resumed after {resume.step} meta-steps")
    if session.outer:
        yield from session.meta_train(session.outer, wants_checkpoint)
    yield from session.opponents()
    yield from session.test()


def evaluate_again(
    checkpoint: Checkpoint, spec: Spec, *, device: torch.device | str, omniglot_dir: Path | None,
    cache_dir: Path | None, datasets_dir: Path | None = None, threads: int = 1,
) -> EvaluationResult:  # fmt: skip
    """The test of a finished training's last checkpoint, on the episodes that `spec` says.

    `spec` may differ from the checkpoint's in its evaluation and its episodes; with the same of
    both, this gives the numbers of the test at the end of training, bit for bit.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    trained = parse(checkpoint.spec)
    session = _Session(
        trained, torch.device(device), (omniglot_dir, cache_dir, datasets_dir), Crew(threads)
    )
    session.restore(checkpoint)
    session.spec = msgspec.structs.replace(
        trained, episodes=spec.episodes, evaluation=spec.evaluation
    )
    session.held_out = evaluation_distribution(session.spec, omniglot_dir, cache_dir, datasets_dir)
    result = [report.evaluation for report in session.test()][-1]
    assert result is not None
    return result


class _Session:
    """One run's state between reports."""

    def __init__(
        self, spec: Spec, device: torch.device,
        folders: tuple[Path | None, Path | None, Path | None], crew: Crew,
    ) -> None:  # fmt: skip
        """`folders`: of Omniglot, of what is kept, of datasets."""
        self.spec = spec
        self.device = device
        self.outer: Outer | None = getattr(spec, "outer", None)
        self.inner: Inner | None = getattr(spec, "inner", None)
        self.fine_tuning: FineTuning | None = getattr(spec, "fine_tuning", None)
        self.distribution = training_distribution(spec, *folders)
        self.held_out = evaluation_distribution(spec, *folders)
        self.network, self.algorithm = build_learner(spec, self.distribution, crew, device)
        self.drops = draws(self.network)
        self.params = self.algorithm.initial(initial_parameters(self.network, device))
        self.optimizer = OuterOptimizer(self.params, self.outer) if self.outer else None
        self.generator = torch.Generator().manual_seed(spec.seed)
        self.step = 0
        self.best: Best | None = None

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same spec."""
        differs = [
            key
            for key, value in as_dict(self.spec).items()
            if key not in ("log_every", "checkpoint_every") and checkpoint.spec.get(key) != value
        ]
        if differs:
            raise CheckpointMismatch(f"the checkpoint's spec differs in {', '.join(differs)}")
        self.step = checkpoint.step
        with torch.no_grad():
            for name, param in self.params.items():
                param.copy_(checkpoint.parameters[name])
        if self.optimizer:
            self.optimizer.load_state(checkpoint.optimizer)
        self.generator.set_state(checkpoint.generator)
        self.best = checkpoint.best

    def checkpoint(self) -> Checkpoint:
        """A copy of the state, independent of what training does next."""
        return Checkpoint(
            step=self.step,
            parameters={name: p.detach().cpu().clone() for name, p in self.params.items()},
            optimizer=self.optimizer.state() if self.optimizer else {},
            generator=self.generator.get_state(),
            best=self.best,
            spec=as_dict(self.spec),
            torch_version=str(torch.__version__),
        )

    def meta_train(self, outer: Outer, wants_checkpoint: Callable[[], bool]) -> Iterator[Report]:
        """Algorithm 1's outer loop from the current step to the last."""
        log_every = self.spec.log_every or max(1, outer.steps // RECORDED_POINTS)
        clock, clocked = time.perf_counter(), self.step
        while self.step < outer.steps:
            metrics, diverged = self._meta_step(outer)
            validates = _due(self.step, self.spec.evaluation.every)
            saves = self.step < outer.steps and (
                _due(self.step, self.spec.checkpoint_every) or wants_checkpoint()
            )
            logs = _due(self.step, log_every) or self.step in (1, outer.steps)
            if not (logs or validates or diverged):
                if saves:
                    yield Report(self.step, {}, checkpoint=self.checkpoint())
                continue
            values = {name: float(value) for name, value in metrics.items()}
            values |= self.algorithm.recorded(self.params)
            now = time.perf_counter()
            values["system/episodes_per_s"] = (
                (self.step - clocked) * outer.episodes_per_step / (now - clock)
            )
            result = self._validate(values) if validates and not diverged else None
            seen = self._seen() if result else None
            saved = self.checkpoint() if saves and not diverged else None
            yield Report(self.step, values, checkpoint=saved, evaluation=result, seen=seen)
            if diverged:
                raise Diverged(self.step, diverged)
            clock, clocked = time.perf_counter(), self.step

    def _meta_step(self, outer: Outer) -> tuple[dict[str, Tensor | float], str | None]:
        """The outer updates of a batch; metrics of the last, and the name of one not finite."""
        assert self.optimizer
        if self.drops:
            torch.manual_seed(self.spec.seed * STRIDE + self.step)
        batch = self.distribution.sample_batch(self.generator, outer.episodes_per_step)
        metrics: dict[str, Tensor | float] = {}
        for gradient, found in outer_gradients(
            self.algorithm, self.params, batch.to(self.device), self.step
        ):
            metrics = {f"train/{key}": value for key, value in found.items()}
            metrics["outer/lr"] = self.optimizer.lr_at(self.step)
            metrics["train/grad_norm"] = self.optimizer.update(gradient, self.step)
        self.step += 1
        bad = (key for key, value in metrics.items() if not math.isfinite(float(value)))
        return metrics, next(bad, None)

    def _validate(self, values: dict[str, float]) -> EvaluationResult | None:
        """Validation of the current parameters; a tuned step size is not known before the test."""
        result = self._evaluated("validation", self.params, self.step, self._adapter(None))
        values.update(metrics_of(result, self._trained_steps))
        loss = float(result.losses[:, -1].mean())
        if self.best is None or loss < self.best.loss:
            copy = {name: p.detach().cpu().clone() for name, p in self.params.items()}
            self.best = Best(self.step, loss, copy)
        return result

    def _seen(self) -> EvaluationResult:
        """As many episodes of the split trained on: what validation differs by is the gap."""
        return self._evaluated("train", self.params, self.step, self._adapter(None))

    def opponents(self) -> Iterator[Report]:
        """What a learned optimizer is shown beside, on the test problems."""
        if not isinstance(self.spec, LstmOptimizerSpec):
            return
        assert isinstance(self.held_out, QuadraticProblems | DigitsProblems)
        for result, message in opponents(self.spec, self.held_out, self.step):
            yield Report(self.step, {}, evaluation=result, message=message)

    def test(self) -> Iterator[Report]:
        """Choose the step size where one is to be chosen; then the test and last checkpoint."""
        params, step, selection = self._selected()
        chosen = None
        if self.fine_tuning:
            chosen, tried, message = self._tuned(self.fine_tuning, params)
            yield Report(
                self.step,
                {"fine_tuning/step_size": chosen, "fine_tuning/validation_loss": tried[chosen]},
                message=message,
            )
        adapter = self._adapter(chosen)
        tuned = chosen is not None
        result = self._evaluated("test", params, step, adapter, tuned=tuned)
        result = replace(
            result,
            protocol={**result.protocol, "selection": selection},
            illustration=self._illustration(adapter, params),
            answers=self._answers(adapter, params, result),
            initialisation=self._initialisation(adapter, params),
        )
        seen = self._evaluated("train", params, step, adapter, tuned=tuned)
        metrics = metrics_of(result, self._trained_steps)
        saved = self.checkpoint()
        yield Report(self.step, metrics, checkpoint=saved, evaluation=result, seen=seen)

    def _tuned(
        self, tuning: FineTuning, params: Parameters
    ) -> tuple[float, dict[float, float], str]:
        """The step size chosen, the loss of each one tried, and both in words."""
        seed = self.spec.evaluation.seed
        if isinstance(self.spec, HandMadeSpec):
            assert isinstance(self.held_out, QuadraticProblems | DigitsProblems)
            kind, steps = self.spec.network, self.spec.fine_tuning
            chosen, tried = tuned_rate(kind, steps, self.spec.horizon, self.held_out, seed)
            return chosen, tried, tuning_text(chosen, tried)
        chosen, tried = tuned_step_size(
            lambda lr: self.algorithm.adapter(max(1, self._test_steps), lr),
            params, self.held_out, step_sizes=tuning.step_sizes, seed=seed,
            episodes=tuning.episodes,
        )  # fmt: skip
        text = ", ".join(f"{lr:g}: {loss:.4g}" for lr, loss in tried.items())
        message = f"step size {chosen:g} chosen (validation loss by step size: {text})"
        return chosen, tried, message

    def _selected(self) -> tuple[Parameters, int, str]:
        if self.spec.evaluation.selection == "best_validation" and self.best:
            params = {name: p.to(self.device) for name, p in self.best.parameters.items()}
            return params, self.best.step, "best validation"
        return self.params, self.step, "last"

    @property
    def _test_steps(self) -> int:
        """Inner steps at test, of what makes any."""
        options = self.spec.evaluation
        return options.steps if isinstance(options, Evaluation | OptimizerTrials) else 0

    @property
    def _trained_steps(self) -> int:
        if isinstance(self.spec, OptimizingSpec):
            return self.spec.horizon
        if isinstance(self.spec, RecurrentSpec | BanditSpec):
            return self.distribution.shot
        return self.inner.steps if self.inner else 0

    def _adapter(self, step_size: float | None) -> Adapter:
        return self.algorithm.adapter(self._test_steps, step_size)

    def _evaluated(
        self, split: Split, params: Parameters, step: int, adapter: Adapter, *, tuned: bool = False
    ) -> EvaluationResult:
        options = self.spec.evaluation
        facts: dict[str, Any] = {
            "algorithm": as_dict(self.spec)["algorithm"],
            "batch_norm": batch_norm_mode(self.network),
            "inner_steps_trained": self._trained_steps,
            "step_size": "tuned" if tuned else "fixed",
        }
        return evaluate(
            adapter, params, self.held_out, name=split, step=step, seed=options.seed,
            split=split, protocol=facts,
            episodes=options.episodes if split == "test" else options.episodes_during_training,
        )  # fmt: skip

    def _answers(
        self, adapter: Adapter, params: Parameters, result: EvaluationResult
    ) -> dict[str, dict[str, Any]]:
        if isinstance(self.spec, OptimizingSpec | BanditSpec):  # nothing is answered there
            return {}
        last = result.losses.shape[1] - 1
        step = min(self._trained_steps or last, last)
        scores = None if result.accuracies is None else result.accuracies[:, step]
        places = telling_places(result.losses[:, step], scores)
        found = [
            answers(
                adapter, params, self.held_out, split=result.split,
                seed=self.spec.evaluation.seed, index=place,
            )
            for place in places
        ]  # fmt: skip
        return {one.episode_id: one.document for one in found}

    def _illustration(self, adapter: Adapter, params: Parameters) -> dict[str, Any] | None:
        if not isinstance(self.held_out, Sinusoid):
            return None
        return sinusoid_illustration(adapter, params, self.held_out, self.spec.evaluation.seed)

    def _initialisation(self, adapter: Adapter, params: Parameters) -> dict[str, Any] | None:
        """Of what regresses y on x alone: a reader can then adapt it to points of their own."""
        if not isinstance(self.held_out, Sinusoid) or self.held_out.input_shape != (1,):
            return None
        return plain_initialisation(adapter, params)


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
