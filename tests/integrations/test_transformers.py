"""The callback in a real training by Hugging Face's Trainer, of a network made on the spot."""

import pytest

from experiments.models import RunStatus
from tests.integrations.conftest import files_of, keys, steps, versions

pytestmark = [pytest.mark.integrations, pytest.mark.django_db(transaction=True)]


def test_a_training_is_a_run(train):
    run = train(
        """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from metascope.integrations.transformers import MetascopeCallback

config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=8, max_position_embeddings=8)
rows = [{"input_ids": torch.randint(0, 20, (6,)), "labels": torch.tensor(one % 2)}
        for one in range(16)]
args = TrainingArguments("out", num_train_epochs=2, per_device_train_batch_size=4, use_cpu=True,
                         logging_steps=2, eval_strategy="epoch", save_strategy="epoch",
                         report_to=[], disable_tqdm=True, learning_rate=0.01)
callback = MetascopeCallback("texts", checkpoints="bert", name="tiny")
trainer = Trainer(BertForSequenceClassification(config), args, train_dataset=rows,
                  eval_dataset=rows, callbacks=[callback])
trainer.train()
trainer.evaluate(metric_key_prefix="test")
"""
    )

    assert (run.name, run.status) == ("tiny", RunStatus.COMPLETED)
    assert steps(run, "train/loss") == [2, 4, 6, 8]
    assert steps(run, "eval/loss") == [4, 8]
    assert steps(run, "test/loss") == [8]
    assert keys(run) >= {"train/learning_rate", "train/grad_norm", "train/epoch"}
    assert run.params["trainer"]["learning_rate"] == 0.01
    assert run.params["model"]["hidden_size"] == 8
    assert run.params["parameters"] > 100
    assert run.summary["train/runtime"] > 0
    found = versions("bert")
    assert [one.metadata for one in found] == [{"step": 4}, {"step": 8}]
    assert {"model.safetensors", "trainer_state.json"} <= files_of(found[0])
