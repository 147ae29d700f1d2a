"""Bodies and answers of the addresses of metrics, with their examples."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from experiments import floats
from experiments.api.fields import Input, Output, Text
from experiments.models import Series


@extend_schema_field({"oneOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]})
class Number(serializers.Field[Any, Any, Any, Any]):
    """A number, or "nan", "inf", "-inf" where JSON has none."""

    def to_representation(self, value: float) -> float | str:
        return floats.to_json(value)


class SeriesInput(Input):
    key = Text(max_length=250)
    steps = serializers.ListField(child=serializers.IntegerField())
    times = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="Seconds since 1970; left out: when it was accepted.",
    )
    values = serializers.ListField(
        child=serializers.JSONField(), help_text='Numbers, or "nan", "inf", "-inf".'
    )


class PointInput(Input):
    key = Text(max_length=250)
    step = serializers.IntegerField()
    time = serializers.FloatField(required=False, allow_null=True)
    value = serializers.JSONField(help_text='A number, or "nan", "inf", "-inf".')


class MetricsInput(Input):
    client = Text(max_length=64, help_text="A name unique to the sending process.")
    number = serializers.IntegerField(
        min_value=0, help_text="0, 1, 2 ... of the client's batches of this run."
    )
    series = SeriesInput(many=True, required=False)
    points = PointInput(many=True, required=False, help_text="Rows, instead of series.")


class RecordedOutput(Output):
    points = serializers.IntegerField()
    series = serializers.IntegerField()
    duplicate = serializers.BooleanField(help_text="It had been stored before; nothing changed.")


class SummaryOutput(Output):
    key = serializers.CharField()
    count = serializers.IntegerField()
    nonfinite = serializers.IntegerField()
    first_step = serializers.IntegerField(allow_null=True)
    last_step = serializers.IntegerField(allow_null=True)
    last = serializers.SerializerMethodField()
    least = serializers.FloatField(allow_null=True)
    least_step = serializers.IntegerField(allow_null=True)
    most = serializers.FloatField(allow_null=True)
    most_step = serializers.IntegerField(allow_null=True)
    first_bad_step = serializers.IntegerField(allow_null=True)

    def get_last(self, row: Series) -> float | str:
        return row.last_is if row.last is None else row.last


class MarkOutput(Output):
    step = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(floats.NAMES))


class CurveOutput(Output):
    """One series in at most `width` buckets; `exact`: each bucket is one point."""

    run = serializers.CharField()
    key = serializers.CharField()
    exact = serializers.BooleanField()
    points = serializers.IntegerField(help_text="Points in the asked range.")
    first_step = serializers.IntegerField(allow_null=True)
    last_step = serializers.IntegerField(allow_null=True)
    steps = serializers.ListField(child=serializers.IntegerField())
    times = serializers.ListField(child=serializers.FloatField())
    low = serializers.ListField(child=serializers.FloatField(allow_null=True))
    high = serializers.ListField(child=serializers.FloatField(allow_null=True))
    mean = serializers.ListField(child=serializers.FloatField(allow_null=True))
    last = serializers.ListField(child=serializers.FloatField(allow_null=True))
    counts = serializers.ListField(child=serializers.IntegerField())
    bad = MarkOutput(many=True, help_text="NaN and infinity: never in low, high, mean, last.")
    bad_count = serializers.IntegerField()


class CurvesOutput(Output):
    results = CurveOutput(many=True)


class PointOutput(Output):
    step = serializers.IntegerField()
    time = serializers.FloatField()
    value = Number()


class PointsOutput(Output):
    results = PointOutput(many=True)
    next = serializers.URLField(allow_null=True)


CURVE = {
    "run": "1m8492kapnbyc5ch", "key": "train/query_loss", "exact": False,
    "points": 20000, "first_step": 0, "last_step": 19999,
    "steps": [9999, 19999], "times": [1795433600.0, 1795433650.0],
    "low": [0.4, 0.2], "high": [4.1, 0.9], "mean": [1.1, 0.4], "last": [0.8, 0.3],
    "counts": [10000, 10000], "bad": [], "bad_count": 0,
}  # fmt: skip
SUMMARY = {
    "key": "train/query_loss", "count": 20000, "nonfinite": 0, "first_step": 0,
    "last_step": 19999, "last": 0.3, "least": 0.2, "least_step": 18000, "most": 4.1,
    "most_step": 0, "first_bad_step": None,
}  # fmt: skip
