"""What people say about a run, or about a point of one of its curves."""

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User
from experiments.models.runs import Run


class Comment(models.Model):
    """`metric` and `step` name the point; without them it is about the run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="comments")
    metric = models.CharField(max_length=250, blank=True)
    step = models.BigIntegerField(null=True)
    text = models.TextField(max_length=10_000)
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
