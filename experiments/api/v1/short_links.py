"""/links/: short addresses of pages."""

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import short_links
from experiments.api.auth import SIGNED_IN
from experiments.api.docs import documented
from experiments.api.fields import Input, Output, Text
from experiments.api.views import ApiView
from experiments.models import ShortLink


class LinkOutput(Output):
    id = serializers.CharField()
    url = serializers.CharField(help_text="Leads to the address, for whom its page is to see.")
    address = serializers.CharField()
    created_at = serializers.DateTimeField()


class LinkInput(Input):
    address = Text(
        max_length=short_links.LONGEST,
        help_text="Path, query and fragment of a page, as in the address bar.",
    )


EXAMPLE = {
    "id": "h3Yd0QpLx2Zk",
    "url": "http://localhost:8000/s/h3Yd0QpLx2Zk/",
    "address": "/compare/?runs=lab/sinusoid:1-40,57&smooth=0.6#curves",
    "created_at": "2026-11-24T09:00:00Z",
}


class Links(ApiView):
    needed = {"POST": SIGNED_IN}

    @documented(
        "links_create",
        "Shorten the address of a page",
        description="Equal addresses share one link.",
        answer=LinkOutput,
        example=EXAMPLE,
        status=201,
        again="There is a link to this address already: this one.",
        body=LinkInput,
        body_example={"address": EXAMPLE["address"]},
        errors=(409,),
    )
    def post(self, request: Request) -> Response:
        link, is_new = short_links.shorten(self.read(LinkInput)["address"], user=self.caller)
        return Response(_shown(request, link), status=201 if is_new else 200)


class OneLink(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented("links_get", "Where a short link leads", answer=LinkOutput, example=EXAMPLE)
    def get(self, request: Request, link_id: str) -> Response:
        return Response(_shown(request, short_links.find(link_id)))


def _shown(request: Request, link: ShortLink) -> dict[str, object]:
    url = request.build_absolute_uri(f"/s/{link.pk}/")
    return {"id": link.pk, "url": url, "address": link.address, "created_at": link.created_at}


urlpatterns = [
    path("links/", Links.as_view()),
    path("links/<slug:link_id>/", OneLink.as_view()),
]
