"""Evaluations: a checkpoint tried on N episodes, every episode kept under its stable id; and what
the adapted networks answered in some of them."""

from django.db import models
from django.db.models.functions import Now

from experiments.axes import EpisodeAxis, axis_of
from experiments.models.documents import DocumentField
from experiments.models.ids import new_id
from experiments.models.runs import Run


class Evaluation(models.Model):
    """Query loss (and accuracy) of N episodes after each of 0..S inner steps.

    Columns are zstd-compressed: `episode_ids` is a JSON list of N strings; `losses` and
    `accuracies` are little-endian float64 of shape (N, S + 1). `reading.episodes` decodes them.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="evaluations")
    name = models.CharField(max_length=120)  # "test", "validation"
    split = models.CharField(max_length=32)
    step = models.BigIntegerField()  # meta-step of the evaluated parameters
    episode_count = models.PositiveIntegerField()
    inner_steps = models.PositiveSmallIntegerField()  # S
    # way, shot, query, inner_steps_trained, batch_norm, distribution_hash, selection, seed ...
    protocol = DocumentField(default=dict)
    illustration = DocumentField(null=True)  # sinusoid: support, true curve, fits by inner step
    episode_ids = models.BinaryField()
    losses = models.BinaryField()
    accuracies = models.BinaryField(null=True)
    # per inner step, for lists: {"loss": {"mean": [], "half_width": []}, "accuracy": ...}
    summary = DocumentField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name", "step"], name="one_evaluation_per_step"),
        ]

    @property
    def axis(self) -> EpisodeAxis:
        """What the columns of its tables count."""
        return axis_of(self.protocol)


class EpisodeAnswers(models.Model):
    """One episode of an evaluation: its support set, and predictions by inner step.

    `document` is what `worker/metalearning/answers.py` says of it, as JSON compressed by zstd.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="answers")
    episode_id = models.CharField(max_length=200)
    document = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "episode_id"], name="one_answer_per_episode"
            ),
        ]
