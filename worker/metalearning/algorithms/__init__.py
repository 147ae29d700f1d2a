"""Meta-learning algorithms: one module each, and the registry that builds one from a spec.

An algorithm is an object with `initial`, `outer_gradient` and `adapter` (see base.py): a gradient
and not a loss, because Reptile's update is the gradient of no loss. The training loop knows no
algorithm by name.
"""

from __future__ import annotations

import torch
from torch import nn

from worker.metalearning.adaptation import Formulation
from worker.metalearning.algorithms.bandits import BanditRule, Rl2, Unlearned
from worker.metalearning.algorithms.base import Algorithm, Crew
from worker.metalearning.algorithms.learned_descent import LearnedDescent, OuterLosses
from worker.metalearning.algorithms.lstm_optimizer import HandMade, LearnedOptimizer
from worker.metalearning.algorithms.maml import Maml
from worker.metalearning.algorithms.meta_lstm import MetaLstm
from worker.metalearning.algorithms.metric import MetricLearning
from worker.metalearning.algorithms.pooled import Pooled
from worker.metalearning.algorithms.reptile import Reptile
from worker.metalearning.algorithms.sequence import SequenceLearning
from worker.metalearning.algorithms.untrained import Untrained
from worker.metalearning.bandits.rl2 import Rl2Policy
from worker.metalearning.distributions.problems import DigitsProblems, QuadraticProblems
from worker.metalearning.episodes import TaskDistribution
from worker.metalearning.formulations import formulation
from worker.metalearning.inner_loops import InnerLoop
from worker.metalearning.metric import build_metric_learner
from worker.metalearning.networks import build_network, last_layer, norm_parameters
from worker.metalearning.optimizing.lstm import LstmRule, build_coordinate_network
from worker.metalearning.recurrent import build_sequence_learner
from worker.metalearning.specs import (
    AdaptingSpec,
    AnilSpec,
    BanditRuleSpec,
    FomamlSpec,
    HandMadeSpec,
    Inner,
    LstmOptimizerSpec,
    MamlPlusPlusChanges,
    MamlPlusPlusSpec,
    MamlSpec,
    MetaLstmSpec,
    MetaSgdSpec,
    MetricSpec,
    OracleSpec,
    PretrainedSpec,
    RandomInitSpec,
    RecurrentSpec,
    ReptileSpec,
    Rl2Spec,
    Spec,
)
from worker.metalearning.tracing.routes import draws

__all__ = ["Algorithm", "Crew", "build_algorithm", "build_learner"]


def build_learner(
    spec: Spec, distribution: TaskDistribution, crew: Crew, device: torch.device
) -> tuple[nn.Module, Algorithm]:
    """The network that a spec names, freshly initialised, and the algorithm that trains it."""
    inputs, outputs = distribution.input_shape, distribution.outputs
    if isinstance(spec, MetricSpec):
        learner = build_metric_learner(spec, inputs).to(device)
        return learner, MetricLearning(learner, crew)
    if isinstance(spec, RecurrentSpec):
        reader = build_sequence_learner(spec, distribution).to(device)
        own = spec.learned_from == "every_answer"
        return reader, SequenceLearning(reader, crew, shot=distribution.shot, own=own)
    if isinstance(spec, Rl2Spec):
        policy = _policy(spec).to(device)
        pulls, gradient = spec.episodes.pulls, spec.policy_gradient
        return policy, Rl2(policy, crew, pulls=pulls, gradient=gradient)
    if isinstance(spec, BanditRuleSpec):
        return Unlearned(spec.exploration).to(device), BanditRule(spec)
    if isinstance(spec, LstmOptimizerSpec | HandMadeSpec):
        assert isinstance(distribution, QuadraticProblems | DigitsProblems)
        return _optimizer(spec, distribution, crew, device)
    assert isinstance(spec, AdaptingSpec)
    network = build_network(spec.network, inputs, outputs, spec.seed).to(device)
    outer = getattr(spec, "outer", None)
    chosen = formulation(network, distribution.objective, meta_steps=outer.steps if outer else 0)
    # Threads draw from one stream of random numbers in no fixed order: what drops runs in one.
    return network, build_algorithm(spec, chosen, Crew() if draws(network) else crew)


def _optimizer(
    spec: LstmOptimizerSpec | HandMadeSpec,
    distribution: QuadraticProblems | DigitsProblems,
    crew: Crew,
    device: torch.device,
) -> tuple[nn.Module, Algorithm]:
    if isinstance(spec, HandMadeSpec):
        return nn.Identity(), HandMade(spec)
    network = build_coordinate_network(spec.network, spec.seed).to(device)
    return network, LearnedOptimizer(LstmRule(network), distribution.function, crew, spec)


def build_algorithm(spec: AdaptingSpec, formulation: Formulation, crew: Crew) -> Algorithm:
    """The algorithm that a spec of inner steps names; `crew` shares the episodes of a batch."""
    match spec:
        case MamlSpec(inner=inner):
            return Maml(formulation, crew, lr=inner.lr, steps=inner.steps, second_order=True)
        case FomamlSpec(inner=inner):
            return Maml(formulation, crew, lr=inner.lr, steps=inner.steps, second_order=False)
        case ReptileSpec(inner=inner):
            return Reptile(formulation, crew, lr=inner.lr, steps=inner.steps)
        case AnilSpec(inner=inner):
            head = last_layer(formulation.network)
            loop = InnerLoop(formulation, inner.lr, inner.steps, adapted=head)
            return LearnedDescent(loop, crew, OuterLosses())
        case MetaSgdSpec(inner=inner, second_order=second_order):
            loop = InnerLoop(formulation, inner.lr, inner.steps, rates="elementwise")
            return LearnedDescent(loop, crew, OuterLosses(0 if second_order else -1))
        case MamlPlusPlusSpec(inner=inner, changes=changes):
            return LearnedDescent(
                _plus_plus(formulation, inner, changes),
                crew,
                OuterLosses(
                    first_order_steps=changes.first_order_steps,
                    annealed_over=changes.multi_step_loss_steps,
                ),
            )
        case MetaLstmSpec(inner=inner, seed=seed):
            return MetaLstm(formulation, crew, inner, seed)
        case PretrainedSpec():
            return Pooled(formulation)
        case OracleSpec():
            return Pooled(formulation, adapts=False)
        case RandomInitSpec():
            return Untrained(formulation)
    raise AssertionError(f"no algorithm for {type(spec).__name__}")


def _policy(spec: Rl2Spec) -> Rl2Policy:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return Rl2Policy(spec.episodes.arms, spec.network.hidden)


def _plus_plus(formulation: Formulation, inner: Inner, changes: MamlPlusPlusChanges) -> InnerLoop:
    return InnerLoop(
        formulation,
        inner.lr,
        inner.steps,
        rates="per_step" if changes.step_rates else "fixed",
        own=norm_parameters(formulation.network) if changes.step_norms else (),
    )
