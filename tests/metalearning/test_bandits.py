"""RL^2 and its opponents: indices against published ones, gradients against literal loops."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.metalearning.building import drop_system
from worker.metalearning import specs
from worker.metalearning.algorithms import build_learner
from worker.metalearning.algorithms.bandits import BanditRule, Rl2
from worker.metalearning.algorithms.base import Crew
from worker.metalearning.bandits import gittins, regrets
from worker.metalearning.bandits.rl2 import Rl2Policy, advantages, drawn
from worker.metalearning.bandits.rules import Gittins, Random, Thompson, Ucb1, play
from worker.metalearning.distributions.bandits import Bandits
from worker.metalearning.episodes import EpisodeBatch, sample_range
from worker.metalearning.errors import SpecError
from worker.metalearning.specs import BanditEpisodes, PolicyGradient
from worker.metalearning.training import Report, train


def bandits(arms: int = 3, pulls: int = 4) -> Bandits:
    return Bandits(BanditEpisodes(arms=arms, pulls=pulls))


def some(episodes: int = 5, arms: int = 3, pulls: int = 4) -> EpisodeBatch:
    return sample_range(bandits(arms, pulls), "test", 0, 0, episodes)


@pytest.mark.parametrize(
    ("a", "b", "discount", "expected"),
    [
        (1, 1, 0.9, 0.7029), (2, 1, 0.9, 0.8001), (1, 2, 0.9, 0.5001), (1, 1, 0.5, 0.5590),
        (1, 1, 0.99, 0.8699),
    ],
)  # fmt: skip
def test_indices_are_those_of_gittins_tables(a, b, discount, expected):
    """Gittins, Glazebrook, Weber: Multi-armed Bandit Allocation Indices, 2nd edition, tables."""
    horizon = 150 if discount < 0.95 else 900

    assert gittins.index(a, b, horizon, discount) == pytest.approx(expected, abs=1.5e-4)


def test_index_of_one_pull_is_the_mean_and_of_two_is_worked_by_hand():
    assert gittins.index(2, 3, 1) == pytest.approx(0.4)
    # Two pulls of Beta(1, 1), stopping after a failure: (1/2 + 1/2 * 2/3) / (1 + 1/2) = 5/9.
    assert gittins.index(1, 1, 2) == pytest.approx(5 / 9)


def test_table_holds_the_indices_of_every_state():
    table = gittins.table(6)

    for left in range(1, 7):
        for won in range(7 - left):
            for lost in range(7 - left - won):
                expected = gittins.index(1 + won, 1 + lost, left)
                assert table[left, won, lost] == pytest.approx(expected, abs=1e-3)
    assert np.isnan(table[6, 1, 0])


@cache
def best_value(states: tuple[tuple[int, int], ...], left: int) -> float:
    """The highest reward to expect of arms with these successes and failures: all policies."""
    if not left:
        return 0.0
    return max(pulled_value(states, left, arm) for arm in range(len(states)))


def pulled_value(states: tuple[tuple[int, int], ...], left: int, arm: int) -> float:
    won, lost = states[arm]
    p = (1 + won) / (2 + won + lost)
    after = [list(states), list(states)]
    after[0][arm], after[1][arm] = (won + 1, lost), (won, lost + 1)
    better, worse = (best_value(tuple(one), left - 1) for one in after)
    return p * (1 + better) + (1 - p) * worse


def index_value(states: tuple[tuple[int, int], ...], left: int) -> float:
    """What the policy of the highest index earns on average."""
    if not left:
        return 0.0
    arm = max(
        range(len(states)), key=lambda i: gittins.index(1 + states[i][0], 1 + states[i][1], left)
    )
    won, lost = states[arm]
    p = (1 + won) / (2 + won + lost)
    after = [list(states), list(states)]
    after[0][arm], after[1][arm] = (won + 1, lost), (won, lost + 1)
    better, worse = (index_value(tuple(one), left - 1) for one in after)
    return p * (1 + better) + (1 - p) * worse


def test_highest_index_is_near_the_best_of_all_policies_and_never_above():
    start = ((0, 0), (0, 0))

    best, by_index = best_value(start, 6), index_value(start, 6)

    assert by_index <= best + 1e-9
    assert by_index > 0.995 * best


def test_a_bandit_is_the_same_for_every_player():
    one, again = bandits().sample("test", 3, 0), bandits().sample("test", 3, 0)

    assert torch.equal(one.support_x, again.support_x)
    assert one.id == again.id
    assert one.id.endswith(":test:0:3")
    assert bandits(pulls=5).hash != bandits().hash


def test_arms_pay_as_often_as_their_probability_says():
    batch = bandits(arms=4, pulls=2000).sample_batch(torch.Generator().manual_seed(1), 3)

    torch.testing.assert_close(batch.support_x.mean(1), batch.latent, atol=0.05, rtol=0)


def test_regret_is_counted_against_the_best_arm():
    batch = some(1)
    batch.latent[0] = torch.tensor([0.2, 0.9, 0.5])

    found = regrets(batch, torch.tensor([[0, 1, 2, 1]]))

    expected = torch.tensor([[0.0, 0.7, 0.7, 1.1, 1.1]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def literal_play(choose: Any, batch: EpisodeBatch, e: int) -> list[int]:
    """One bandit, with lists of wins and losses."""
    arms = batch.support_x.shape[2]
    won, lost, chosen = [0] * arms, [0] * arms, []
    for pull, pays in enumerate(batch.support_x[e]):
        arm = choose(won, lost, pull)
        chosen.append(arm)
        won[arm] += int(pays[arm])
        lost[arm] += 1 - int(pays[arm])
    return chosen


def test_ucb1_pulls_as_its_paper_says():
    batch = some(pulls=12)

    def choose(won: list[int], lost: list[int], pull: int) -> int:
        if pull < 3:
            return pull
        bounds = [w / (w + n) + np.sqrt(2 * np.log(pull) / (w + n)) for w, n in zip(won, lost)]  # noqa: B905
        return int(np.argmax(bounds))

    found = play(Ucb1(2.0), batch)

    assert [literal_play(choose, batch, e) for e in range(5)] == found.tolist()


def test_gittins_pulls_the_arm_of_the_highest_index():
    batch = some(pulls=5)

    def choose(won: list[int], lost: list[int], pull: int) -> int:
        found = [gittins.index(1 + w, 1 + n, 5 - pull) for w, n in zip(won, lost)]  # noqa: B905
        return int(np.argmax(np.round(found, 6)))

    found = play(Gittins(5), batch)

    assert [literal_play(choose, batch, e) for e in range(5)] == found.tolist()


@pytest.mark.parametrize("rule", [Random, Thompson])
def test_rules_with_luck_repeat_and_depend_on_no_neighbour(rule):
    batch = some(6)

    whole, again, alone = (play(rule(one), one) for one in (batch, batch, batch.part(2, 3)))

    assert torch.equal(whole, again)
    assert torch.equal(whole[2:3], alone)
    assert len(set(whole.flatten().tolist())) == 3


def test_rules_rank_as_they_should_over_many_bandits():
    batch = some(400, arms=5, pulls=10)

    lost = {
        name: float(regrets(batch, play(rule, batch))[:, -1].mean())
        for name, rule in (
            ("random", Random(batch)), ("thompson", Thompson(batch)), ("gittins", Gittins(10)),
        )
    }  # fmt: skip

    assert lost["gittins"] < lost["thompson"] < lost["random"]
    # Table 1 of Duan et al. 2016, 10 pulls of 5 arms: rewards of 5.0 at random, 5.7 by Thompson
    # sampling, 6.6 by Gittins; the best arm pays 10 * 5/6.
    assert 10 * 5 / 6 - lost["random"] == pytest.approx(5.0, abs=0.25)
    assert 10 * 5 / 6 - lost["thompson"] == pytest.approx(5.7, abs=0.25)
    assert 10 * 5 / 6 - lost["gittins"] == pytest.approx(6.6, abs=0.25)


def test_an_arm_is_drawn_by_the_share_its_number_falls_in():
    shares = torch.tensor([[0.2, 0.5, 0.3]] * 4)

    assert drawn(shares, torch.tensor([[0.1], [0.2], [0.69], [0.71]])).flatten().tolist() == [
        0, 1, 1, 2,
    ]  # fmt: skip


def test_advantages_are_discounted_sums_of_surprises():
    rewards, values = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.4, 0.2]])

    found = advantages(rewards, values, discount=0.9, gae_lambda=0.5)

    surprise = [1 + 0.9 * 0.4 - 0.5, 0.9 * 0.2 - 0.4, 1 - 0.2]
    last = surprise[2]
    middle = surprise[1] + 0.45 * last
    expected = torch.tensor([[surprise[0] + 0.45 * middle, middle, last]])
    torch.testing.assert_close(found, expected)


def literal_loss(policy: Rl2Policy, batch: EpisodeBatch, e: int, spec: PolicyGradient) -> Tensor:
    """One bandit pull by pull, by the GRU's own equations."""
    cell, hidden = policy.cell, torch.zeros(policy.cell.hidden_size, dtype=torch.float64)
    seen = torch.zeros(policy.arms + 2, dtype=torch.float64)
    logs, rewards, values, entropies = [], [], [], []
    for pays, number in zip(batch.support_x[e], batch.support_y[e], strict=True):
        gates_x = (cell.weight_ih @ seen + cell.bias_ih).chunk(3)
        gates_h = (cell.weight_hh @ hidden + cell.bias_hh).chunk(3)
        reset, update = (gates_x[0] + gates_h[0]).sigmoid(), (gates_x[1] + gates_h[1]).sigmoid()
        new = (gates_x[2] + reset * gates_h[2]).tanh()
        hidden = (1 - update) * new + update * hidden
        shares = torch.softmax(policy.policy(hidden), 0)
        arm = int((shares.detach().cumsum(0)[:-1] <= number).sum())
        logs.append(shares[arm].log())
        entropies.append(-(shares * shares.log()).sum())
        values.append(policy.value(hidden)[0])
        rewards.append(pays[arm])
        seen = torch.zeros(policy.arms + 2, dtype=torch.float64)
        seen[arm], seen[-2], seen[-1] = 1.0, pays[arm], 1.0
    total = torch.zeros((), dtype=torch.float64)
    guesses = [float(value.detach()) for value in values] + [0.0]
    for t in range(len(logs)):
        gain = sum(
            (spec.discount * spec.gae_lambda) ** (k - t)
            * (float(rewards[k]) + spec.discount * guesses[k + 1] - guesses[k])
            for k in range(t, len(logs))
        )
        error = (values[t] - (gain + guesses[t])) ** 2
        total = total - logs[t] * gain + spec.value_weight * error
        total = total - spec.entropy_weight * entropies[t]
    return total / len(logs)


def test_outer_gradient_is_that_of_the_literal_loss():
    torch.manual_seed(0)
    policy, batch = Rl2Policy(3, 5).double(), some().to(dtype=torch.float64)
    params = {name: param.detach() for name, param in policy.named_parameters()}
    spec = PolicyGradient()

    gradient, metrics = Rl2(policy, Crew(), pulls=4, gradient=spec).outer_gradient(params, batch)

    mean = torch.stack([literal_loss(policy, batch, e, spec) for e in range(5)]).mean()
    expected = torch.autograd.grad(mean, list(policy.parameters()))
    torch.testing.assert_close(gradient, dict(zip(params, expected, strict=True)))
    torch.testing.assert_close(metrics["policy_loss"], mean.detach())


def rl2_spec(**changes: Any) -> specs.Spec:
    return specs.parse(
        {
            "algorithm": "rl2",
            "episodes": {"source": "bandits", "arms": 2, "pulls": 5},
            "network": {"kind": "gru", "hidden": 8},
            "outer": {"steps": 12, "episodes_per_step": 8, "lr": 0.01},
            "evaluation": {"episodes": 6, "every": 6, "episodes_during_training": 4},
            "log_every": 1,
            "checkpoint_every": 5,
            **changes,
        }
    )


def run(spec: specs.Spec, **more: Any) -> list[Report]:
    return list(train(spec, device="cpu", omniglot_dir=None, cache_dir=None, **more))


def test_training_repeats_and_resumes_to_the_same_numbers():
    first, again = run(rl2_spec()), run(rl2_spec(), threads=2)
    checkpoint = next(one.checkpoint for one in first if one.step == 5)
    resumed = run(rl2_spec(), resume=checkpoint)

    assert drop_system(first) == drop_system(again)
    assert drop_system(resumed)[1:] == drop_system([one for one in first if one.step > 5])
    result = first[-1].evaluation
    assert result is not None
    assert result.losses.shape == (6, 6)
    assert (np.diff(result.losses, axis=1) >= 0).all()
    assert "test/regret_pulls_5" in first[-1].metrics
    assert result.protocol["axis"] == "pulls"
    assert result.protocol["inner_steps_trained"] == 5
    assert not result.answers


def test_rl2_learns_to_find_the_better_of_two_arms():
    spec = rl2_spec(
        episodes={"source": "bandits", "arms": 2, "pulls": 10},
        network={"kind": "gru", "hidden": 16},
        outer={"steps": 300, "episodes_per_step": 128, "lr": 0.01},
        evaluation={"episodes": 300, "every": 0},
    )

    learned = run(spec)[-1].evaluation
    at_random = run(rule_spec("random", spec))[-1].evaluation

    assert learned is not None
    assert at_random is not None
    assert learned.episode_ids == at_random.episode_ids
    gain = at_random.losses[:, -1] - learned.losses[:, -1]
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def rule_spec(rule: str, like: specs.Spec) -> specs.Spec:
    asked = specs.as_dict(like)
    return specs.parse(
        {
            "algorithm": "bandit_rule", "rule": rule, "episodes": asked["episodes"],
            "evaluation": asked["evaluation"],
        }
    )  # fmt: skip


@pytest.mark.parametrize("rule", ["thompson", "ucb1", "gittins", "random"])
def test_rules_are_tried_without_training(rule: str, tmp_path: Path):
    spec = rule_spec(rule, rl2_spec())

    reports = run(spec)

    (result,) = [one.evaluation for one in reports if one.evaluation]
    assert result.losses.shape == (6, 6)
    learner, algorithm = build_learner(spec, bandits(2, 5), Crew(), torch.device("cpu"))
    assert isinstance(algorithm, BanditRule)
    assert [name for name, _ in learner.named_parameters()] == ["exploration"]
    reports[-1].checkpoint.save(tmp_path / "c.pt")  # type: ignore[union-attr]


def test_gittins_refuses_horizons_whose_table_would_be_too_large():
    episodes = {"source": "bandits", "arms": 2, "pulls": 101}

    with pytest.raises(SpecError, match="use 100 or less"):
        specs.parse({"algorithm": "bandit_rule", "rule": "gittins", "episodes": episodes})
    specs.parse({"algorithm": "bandit_rule", "rule": "thompson", "episodes": episodes})


def test_other_algorithms_refuse_bandits():
    with pytest.raises(SpecError, match="bandits"):
        specs.parse({"algorithm": "maml", "episodes": {"source": "bandits"}})
