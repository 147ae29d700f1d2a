"""/runs/<id>/alerts/: what the run's script wanted people to see."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import alerts
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import RunView
from experiments.models import Role


class AlertOutput(Output):
    title = serializers.CharField()
    text = serializers.CharField()
    level = serializers.ChoiceField(choices=alerts.LEVELS)
    step = serializers.IntegerField(allow_null=True, help_text="The script's next step then.")
    at = serializers.DateTimeField()


ALERT = {
    "title": "The loss is not finite",
    "text": "Batch 17 holds an image without pixels.",
    "level": "error",
    "step": 1200,
    "at": "2026-11-23T10:00:00Z",
}


class RunAlerts(RunView):
    needed = {"GET": Role.VIEWER}

    @documented(
        "alerts_list",
        "List the alerts of a run",
        description=f"The latest {alerts.MOST}, the newest first. The client stores them as files "
        "of the run, below alerts/.",
        answer=AlertOutput,
        example=ALERT,
        paged=True,
    )
    def get(self, request: Request, run_id: str) -> Response:
        return self.pages.slice(
            request,
            alerts.of_run(self.run),
            show=lambda found: AlertOutput(found, many=True).data,
        )


urlpatterns = [path("runs/<slug:run_id>/alerts/", RunAlerts.as_view())]
