"""/runs/<id>/initialisation/: the parameters that a run's test tried, as plain numbers."""

import msgspec
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import initialisations
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import RunView
from experiments.models import Role

_TENSOR = "Row by row, (outputs, inputs)."
_RATE = "What its gradient is multiplied with: see `rates`."


class LayerOutput(Output):
    inputs = serializers.IntegerField()
    outputs = serializers.IntegerField()
    weight = serializers.ListField(child=serializers.FloatField(), help_text=_TENSOR)
    bias = serializers.ListField(child=serializers.FloatField())
    weight_rate = serializers.ListField(child=serializers.FloatField(), help_text=_RATE)
    bias_rate = serializers.ListField(child=serializers.FloatField(), help_text=_RATE)


class InitialisationOutput(Output):
    format = serializers.IntegerField()
    rates = serializers.ChoiceField(
        choices=("fixed", "per_step", "elementwise"),
        help_text="One rate a tensor; one for each inner step, the last going on; or one for each "
        "element.",
    )
    layers = LayerOutput(many=True, help_text="From input to output, with rectifiers between.")


EXAMPLE = {
    "format": 1,
    "rates": "fixed",
    "layers": [
        {
            "inputs": 1,
            "outputs": 1,
            "weight": [0.25],
            "bias": [-0.5],
            "weight_rate": [0.01],
            "bias_rate": [0.01],
        }
    ],
}


class RunInitialisation(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "runs_initialisation",
        "Read a run's initialisation as plain numbers",
        description="What the test of a job tried that adapts a fully connected network to "
        "sinusoids by gradient descent on the mean squared error; 404 for other runs.",
        answer=InitialisationOutput,
        example=EXAMPLE,
    )
    def get(self, request: Request, run_id: str) -> Response:
        return Response(msgspec.to_builtins(initialisations.of_run(self.run)))


urlpatterns = [path("runs/<slug:run_id>/initialisation/", RunInitialisation.as_view())]
