"""Presets of the algorithms that learn an initialisation (no torch)."""

from __future__ import annotations

from worker.metalearning.specs.presets.parts import (
    DRAWN,
    EVALUATION,
    FINN_OMNIGLOT,
    FINN_SINUSOID,
    FIVE_SHOT,
    GLYPHS,
    MINI_IMAGENET,
    OMNIGLOT_OUTER,
    ONE_STEP,
    PAPER_OUTER,
    SHORT,
    SHORT_OUTER,
    TEN_SHOT,
    omniglot,
    preset,
    sinusoid,
)

GRADIENT_BASED = (
    preset(
        "maml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("maml", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP),
    ),
    preset(
        "maml-sinusoid-10-shot",
        "Sinusoid, 10 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("maml", TEN_SHOT, PAPER_OUTER, inner=ONE_STEP, checkpoint_every=5000),
    ),
    preset(
        "maml-sinusoid-5-shot",
        "Sinusoid, 5 shots, as in the paper",
        FINN_SINUSOID,
        sinusoid("maml", FIVE_SHOT, PAPER_OUTER, inner=ONE_STEP, checkpoint_every=5000),
    ),
    preset(
        "maml-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, as in the paper",
        FINN_OMNIGLOT,
        omniglot(
            {"lr": 0.4, "steps": 1}, OMNIGLOT_OUTER,
        ),
    ),
    preset(
        "maml-omniglot-5-way-1-shot-hour",
        "Omniglot, 5-way 1-shot, 98 % in an hour on two cores",
        "Metascope: the paper's protocol with 16 episodes a meta-step and a cosine schedule",
        omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 16, "steps": 16_000,
             "schedule": "cosine"},
        ),
    ),
    preset(
        "maml-glyphs-5-way-1-shot",
        "Drawn glyphs, 5-way 1-shot, a short one",
        DRAWN,
        omniglot(
            {"lr": 0.4, "steps": 1},
            {"lr": 0.001, "optimizer": "adam", "episodes_per_step": 16, "steps": 2_000,
             "schedule": "cosine"},
            episodes=GLYPHS,
        ),
    ),
    preset(
        "maml-mini-imagenet-5-way-1-shot",
        "miniImageNet, 5-way 1-shot",
        "Finn et al. 2017, section 5.2 and appendix A.1, with strided convolutions",
        omniglot(
            {"lr": 0.01, "steps": 5},
            {**OMNIGLOT_OUTER, "episodes_per_step": 4, "grad_clip": 10.0},
            episodes=MINI_IMAGENET,
            network={"kind": "conv4", "filters": 32},
            evaluation={**EVALUATION, "query": 15},
        ),
    ),
    preset(
        "fomaml-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("fomaml", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP),
    ),
    preset(
        "reptile-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("reptile", TEN_SHOT, SHORT_OUTER, inner={"lr": 0.01, "steps": 5}),
    ),
    preset(
        "anil-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        sinusoid("anil", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP),
    ),
    preset(
        "anil-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, with MAML's settings",
        "Raghu et al. 2020, section 4: as MAML is trained",
        {**omniglot({"lr": 0.4, "steps": 1}, OMNIGLOT_OUTER), "algorithm": "anil"},
    ),
    preset(
        "meta-sgd-sinusoid-short",
        "Sinusoid, 10 shots, half a minute",
        SHORT,
        # The rates are learned for one step; more steps of theirs diverge.
        sinusoid("meta_sgd", TEN_SHOT, SHORT_OUTER, inner=ONE_STEP,
                 evaluation={**EVALUATION, "steps": 1, "query": 10}),
    ),
    preset(
        "meta-sgd-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, one inner step",
        "Li et al. 2017, section 4.2: one step; rates begin equal",
        {**omniglot({"lr": 0.1, "steps": 1}, OMNIGLOT_OUTER), "algorithm": "meta_sgd"},
    ),
    preset(
        "maml-plus-plus-sinusoid-short",
        "Sinusoid, 10 shots, two minutes",
        SHORT,
        sinusoid("maml_plus_plus", TEN_SHOT, {**SHORT_OUTER, "grad_clip": 10.0,
                 "schedule": "cosine"}, inner={"lr": 0.01, "steps": 5}),
    ),
    preset(
        "maml-plus-plus-omniglot-5-way-1-shot",
        "Omniglot, 5-way 1-shot, five inner steps",
        "Antoniou et al. 2019, section 5: 16 episodes a meta-step, 150 times 500 of them",
        {
            **omniglot(
                {"lr": 0.1, "steps": 5},
                {**OMNIGLOT_OUTER, "episodes_per_step": 16, "steps": 75_000, "schedule": "cosine"},
            ),
            "algorithm": "maml_plus_plus",
        },
    ),
)  # fmt: skip
