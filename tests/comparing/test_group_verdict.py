"""Groups of seeds against each other: what counts, what is left out, and what is said of it."""

import numpy as np
import pytest

from experiments.comparing import group_verdict, groups, sentences, two_level
from experiments.models import Evaluation, Run
from tests.comparing.building import evaluation
from tests.factories import make_run

pytestmark = pytest.mark.django_db

EPISODES = 60
HARD = np.random.default_rng(0).uniform(0.5, 1.5, (EPISODES, 1))


def trained(method: str, seed: int, level: float, *, spread=0.02, **protocol):
    """A run and its evaluation: its own level around `level`, episodes of their own difficulty."""
    run = make_run(name=f"{method}-s{seed}", seed=seed, params={"algorithm": method, "seed": seed})
    rng = np.random.default_rng([seed, sum(method.encode())])
    own = level + spread * rng.normal()
    losses = HARD + own + 0.05 * rng.normal(size=(EPISODES, 3))
    return run, evaluation(losses, run, **protocol)


def judged(*pairs: tuple[Run, Evaluation | None], **options) -> group_verdict.GroupVerdict:
    runs = [run for run, _ in pairs]
    found = {run.pk: one for run, one in pairs}
    return group_verdict.judge(
        groups.group(runs, "seedless"), found, baseline_id=runs[0].pk, **options
    )


def test_a_method_is_better_over_seeds_and_episodes():
    found = judged(
        *(trained("anil", seed, 1.0) for seed in range(4)),
        *(trained("maml", seed, 0.5) for seed in range(4)),
    )

    (one,) = found.comparisons
    assert one.judgement == "better"
    assert one.contrast.seeds == (4, 4)
    assert one.contrast.is_seed_paired
    assert one.contrast.episodes == EPISODES
    assert one.contrast.mean.low < one.contrast.mean.value < one.contrast.mean.high < 0


def test_the_sentence_says_effect_interval_episodes_seeds_and_what_else_differs():
    found = judged(
        *(trained("anil", seed, 1.0) for seed in range(3)),
        *(trained("maml", seed, 0.5) for seed in range(3)),
    )
    one = found.comparisons[0]

    said = sentences.about_groups(found, one, ["inner.steps"])

    assert said.startswith("maml is better than anil by 0.")
    assert " in query loss, 95 % interval 0." in said
    assert "paired on the same 60 episodes, 3 paired seeds" in said
    assert said.endswith("maml also differs in inner.steps.")
    assert "cannot reach a permutation p below 0.25" in sentences.floor_of(one.contrast)


def test_one_seed_a_side_has_no_interval_and_no_verdict():
    found = judged(trained("anil", 0, 1.0), trained("maml", 0, 0.1))

    (one,) = found.comparisons
    assert one.judgement == "unknown"
    assert one.contrast.mean.low is None
    assert one.holm_p is None
    assert "no test over seeds is possible" in sentences.floor_of(one.contrast)
    assert "without an interval" in sentences.about_groups(found, one, [])


def test_runs_measured_otherwise_are_left_out_of_their_group_and_said():
    pairs = [trained("anil", seed, 1.0) for seed in range(3)]
    other = [trained("maml", 0, 0.5), trained("maml", 1, 0.5), trained("maml", 2, 0.5, shot=5)]

    found = judged(*pairs, *other)

    (one,) = found.comparisons
    assert len(one.scores.run_ids) == 2
    assert one.scores.left_out == {other[2][0].pk: "measured otherwise: shot"}
    assert [mismatch.field for mismatch in found.mismatches] == ["shot"]


def test_a_group_that_was_measured_otherwise_as_a_whole_is_not_compared():
    pairs = [trained("anil", seed, 1.0) for seed in range(2)]
    other = [trained("maml", seed, 0.5, way=20) for seed in range(2)]

    found = judged(*pairs, *other)

    (one,) = found.comparisons
    assert one.judgement == "excluded"
    assert one.contrast is None
    assert "measured otherwise: way" in sentences.about_groups(found, one, [])


def test_several_groups_are_corrected_by_holm():
    found = judged(
        *(trained("anil", seed, 1.0) for seed in range(3)),
        *(trained("maml", seed, 0.5) for seed in range(3)),
        *(trained("reptile", seed, 1.0) for seed in range(3)),
    )

    assert found.tests == 2
    assert all(one.holm_p >= one.contrast.p_value for one in found.comparisons)
    assert [one.judgement for one in found.comparisons] == ["better", "unclear"]


def test_a_group_does_not_win_by_diverging_on_some_episodes():
    pairs = [trained("anil", seed, 1.0) for seed in range(3)]
    better = [trained("maml", seed, 0.2) for seed in range(3)]
    losses = HARD + np.full((EPISODES, 3), 0.2)
    losses[7] = np.nan
    diverged = make_run(name="maml-s3", seed=3, params={"algorithm": "maml", "seed": 3})

    found = judged(*pairs, *better, (diverged, evaluation(losses, diverged)))

    (one,) = found.comparisons
    assert one.excluded == ("5105:test:0:7",)
    assert one.judgement == "unclear"


def test_seeds_are_paired_in_their_order_whatever_the_order_asked_for():
    a = [trained("anil", seed, 1.0, spread=1) for seed in range(3)]
    b = [trained("maml", seed, 0.5, spread=1) for seed in range(3)]

    straight = judged(*a, *b).comparisons[0].contrast
    turned = judged(*a, *reversed(b)).comparisons[0].contrast

    assert straight.is_seed_paired
    assert straight.mean == turned.mean


def test_profiles_are_of_every_group_at_the_same_values():
    found = judged(
        *(trained("anil", seed, 1.0) for seed in range(3)),
        *(trained("maml", seed, 0.5) for seed in range(3)),
    )

    base, other = group_verdict.profiles(found)

    assert base.thresholds.tolist() == other.thresholds.tolist()
    assert isinstance(base, two_level.Profile)
    assert (other.part >= base.part).all()  # a lower loss reaches every value more often
