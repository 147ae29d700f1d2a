"""Exploration learned and by rule: bandits, RL^2 and its opponents (no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from worker.metalearning.specs.base import NETWORK, OUTER_LOOP, AlgorithmInfo, Spec
from worker.metalearning.specs.parts import BanditEpisodes, EpisodesPerStep, Outer, Tries, shown
from worker.metalearning.specs.sequence_networks import GruNetwork, NoNetwork

DUAN = "Duan et al.: RL^2: Fast RL via Slow RL (arXiv:1611.02779)"
AUER = "Auer, Cesa-Bianchi, Fischer: Finite-time Analysis of the Multiarmed Bandit Problem (2002)"


class BanditSpec(Spec, frozen=True, kw_only=True):
    """What acts on bandits: an episode is one bandit, pulled a number of times."""

    episodes: Annotated[
        BanditEpisodes, Meta(title="Episodes", description="What the episodes are sampled from.")
    ] = msgspec.field(default_factory=BanditEpisodes)
    evaluation: Annotated[
        Tries, Meta(title="Evaluation", description="Validation and the final test.")
    ] = msgspec.field(default_factory=Tries)


class Rl2Outer(Outer, frozen=True, kw_only=True):
    """RL^2's outer loop: a policy gradient needs many episodes."""

    episodes_per_step: EpisodesPerStep = 256
    grad_clip: Annotated[
        float, shown("Gradient clip", "Largest norm of the outer gradient; 0 means no clip.",
                     group="Outer loop", ge=0, le=1e6)
    ] = 1.0  # fmt: skip


class PolicyGradient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An advantage actor-critic: one gradient a batch, advantages by GAE."""

    discount: Annotated[
        float, shown("Discount", "Of later rewards of the same bandit (gamma).",
                     group="Policy gradient", ge=0, le=1)
    ] = 0.99  # fmt: skip
    gae_lambda: Annotated[
        float, shown("GAE lambda", "0 trusts the baseline, 1 the rewards alone.",
                     group="Policy gradient", ge=0, le=1)
    ] = 0.3  # fmt: skip
    value_weight: Annotated[
        float, shown("Value weight", "Of the baseline's squared error in the loss.",
                     group="Policy gradient", ge=0, le=100)
    ] = 0.5  # fmt: skip
    entropy_weight: Annotated[
        float, shown("Entropy weight", "Of the policy's entropy, which the loss rewards.",
                     group="Policy gradient", ge=0, le=10)
    ] = 0.01  # fmt: skip


class Rl2Spec(BanditSpec, frozen=True, kw_only=True, tag="rl2"):
    """A recurrent policy whose state is what it has learned of a bandit."""

    network: Annotated[GruNetwork, NETWORK] = msgspec.field(default_factory=GruNetwork)
    outer: Annotated[Rl2Outer, OUTER_LOOP] = msgspec.field(default_factory=Rl2Outer)
    policy_gradient: Annotated[
        PolicyGradient, Meta(title="Policy gradient", description="How rewards become gradients.")
    ] = msgspec.field(default_factory=PolicyGradient)


class BanditRuleSpec(BanditSpec, frozen=True, kw_only=True, tag="bandit_rule"):
    """A rule for pulling arms that is not learned."""

    network: Annotated[NoNetwork, NETWORK] = msgspec.field(default_factory=NoNetwork)
    rule: Annotated[
        Literal["thompson", "ucb1", "gittins", "random"],
        shown("Rule", "thompson: a draw from each arm's Beta posterior decides; ucb1: the highest "
              "upper confidence bound; gittins: the highest index for the pulls that are left; "
              "random: any arm.", group="Rule"),
    ] = "thompson"  # fmt: skip
    exploration: Annotated[
        float, shown("UCB1's exploration", "c of mean + sqrt(c ln n / n_arm); 2 in the paper.",
                     group="Rule", ge=0, le=100)
    ] = 2.0  # fmt: skip


REINFORCEMENT = (
    AlgorithmInfo(
        name="rl2", title="RL²", year=2016, paper=DUAN, spec_type=Rl2Spec, family="recurrent",
        summary="A recurrent policy that sees its own actions and rewards, and learns to explore.",
    ),
)  # fmt: skip
BANDIT_RULES = (
    AlgorithmInfo(
        name="bandit_rule", title="Bandit rules", year=2002, paper=AUER,
        spec_type=BanditRuleSpec, family="baseline",
        summary="Baseline: Thompson sampling, UCB1, Gittins index for a finite horizon, random.",
    ),
)  # fmt: skip
