"""/projects/<workspace>/<project>/webhooks/: addresses that are told of events."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import webhooks
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Text, Texts
from experiments.api.idempotency import idempotent
from experiments.api.v1.run_shapes import Nothing
from experiments.api.views import ProjectView, or_not_found
from experiments.models import Delivery, EventKind, Role, Webhook


class WebhookOutput(Output):
    id = serializers.IntegerField()
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField())
    created_by = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_created_by(self, hook: Webhook) -> str | None:
        return hook.created_by.username if hook.created_by else None


class NewWebhookOutput(WebhookOutput):
    secret = serializers.CharField(allow_null=True, help_text="Signs what is sent; shown only now.")


class WebhookInput(Input):
    url = Text(max_length=500)
    kinds = Texts(max_length=20, help_text=f"Of {', '.join(EventKind.values)}.")


class DeliveryOutput(Output):
    id = serializers.IntegerField()
    event = serializers.CharField(source="event.kind")
    attempts = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status of the last answer.")
    error = serializers.CharField(help_text="Why the last attempt failed.")
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is sent next.")
    sent_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


EXAMPLE = {
    "id": 2,
    "url": "https://chat.lab.example/hooks/runs",
    "kinds": ["failed", "best"],
    "created_by": "max",
    "created_at": "2026-11-24T09:00:00Z",
}
DELIVERY = {
    "id": 40,
    "event": "failed",
    "attempts": 2,
    "status": 200,
    "error": "",
    "due_at": None,
    "sent_at": "2026-11-24T09:00:12Z",
    "created_at": "2026-11-24T09:00:00Z",
}


class Webhooks(ProjectView):
    needed = {"GET": Role.ADMIN, "POST": Role.ADMIN}

    @documented(
        "webhooks_list",
        "List the webhooks of a project",
        answer=WebhookOutput,
        example=EXAMPLE,
        paged=True,
    )
    def get(self, request: Request, workspace: str, project: str) -> Response:
        rows = self.project.webhooks.select_related("created_by")
        return self.pages.page(
            request, rows, by="id", show=lambda some: WebhookOutput(some, many=True).data
        )

    @documented(
        "webhooks_create",
        "Add a webhook",
        description="It is sent JSON with a header X-Metascope-Signature: the HMAC-SHA256 of the "
        "body by the secret, which is shown only now.",
        answer=NewWebhookOutput,
        example={**EXAMPLE, "secret": "r9x..."},
        status=201,
        body=WebhookInput,
        body_example={"url": EXAMPLE["url"], "kinds": EXAMPLE["kinds"]},
        errors=(409,),
    )
    @idempotent(secret="secret")
    def post(self, request: Request, workspace: str, project: str) -> Response:
        hook, secret = webhooks.create(
            self.project,
            user=self.caller,
            site=request.build_absolute_uri("/"),
            **self.read(WebhookInput),
        )
        return Response({**WebhookOutput(hook).data, "secret": secret}, status=201)


class WebhookView(ProjectView):
    """Below /webhooks/<webhook_id>/."""

    def hook(self) -> Webhook:
        rows = self.project.webhooks.select_related("created_by", "project")
        return or_not_found(rows.filter(pk=self.kwargs["webhook_id"]).first())


class OneWebhook(WebhookView):
    needed = {"DELETE": Role.ADMIN}

    @documented("webhooks_remove", "Remove a webhook", answer=None, status=204)
    def delete(self, request: Request, workspace: str, project: str, webhook_id: int) -> Response:
        webhooks.remove(self.hook())
        return Response(status=204)


class Deliveries(WebhookView):
    needed = {"GET": Role.ADMIN}

    @documented(
        "webhooks_deliveries",
        "List what was sent to a webhook, newest first",
        answer=DeliveryOutput,
        example=DELIVERY,
        paged=True,
    )
    def get(self, request: Request, workspace: str, project: str, webhook_id: int) -> Response:
        rows = Delivery.objects.filter(webhook=self.hook()).select_related("event")
        return self.pages.page(
            request, rows, by="-id", show=lambda some: DeliveryOutput(some, many=True).data
        )


class WebhookPing(WebhookView):
    needed = {"POST": Role.ADMIN}

    @documented(
        "webhooks_ping",
        "Send a test to a webhook",
        description="A worker sends it within seconds.",
        body=Nothing,
        body_example={},
        answer=DeliveryOutput,
        example={**DELIVERY, "event": "test", "sent_at": None, "attempts": 0, "status": None},
    )
    def post(self, request: Request, workspace: str, project: str, webhook_id: int) -> Response:
        self.read(Nothing)
        made = webhooks.ping(self.hook())
        made.refresh_from_db()
        return Response(DeliveryOutput(made).data)


_webhooks = "projects/<slug:workspace>/<slug:project>/webhooks/"
urlpatterns = [
    path(_webhooks, Webhooks.as_view()),
    path(f"{_webhooks}<int:webhook_id>/", OneWebhook.as_view()),
    path(f"{_webhooks}<int:webhook_id>/deliveries/", Deliveries.as_view()),
    path(f"{_webhooks}<int:webhook_id>/ping/", WebhookPing.as_view()),
]
