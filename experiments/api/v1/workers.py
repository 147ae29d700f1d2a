"""/workers/, /trainers/ and /distributions/: who can execute what, on which data."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import announcements
from experiments.api.auth import SIGNED_IN
from experiments.api.docs import documented
from experiments.api.fields import Output
from experiments.api.views import ApiView, or_not_found
from experiments.models import Worker


class WorkerOutput(Output):
    name = serializers.CharField()
    host = serializers.CharField()
    live = serializers.SerializerMethodField()
    queues = serializers.ListField(child=serializers.CharField())
    slots = serializers.IntegerField(help_text="Jobs it executes at once.")
    devices = serializers.ListField(child=serializers.DictField())
    memory_bytes = serializers.IntegerField(allow_null=True)
    trainers = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField(allow_null=True)
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)

    def get_live(self, worker: Worker) -> bool:
        return announcements.is_live(worker)

    def get_trainers(self, worker: Worker) -> list[str]:
        return sorted(worker.trainers)


class TrainerOutput(Output):
    """An algorithm in a list."""

    name = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    family = serializers.CharField()
    year = serializers.IntegerField()
    paper = serializers.CharField()
    version = serializers.CharField()


class TrainerDetailOutput(TrainerOutput):
    """An algorithm with all that a submission may say."""

    schema = serializers.DictField(help_text="JSON Schema (draft 2020-12) of its spec.")
    presets = serializers.ListField(child=serializers.DictField())


class DistributionOutput(Output):
    name = serializers.CharField()
    title = serializers.CharField()
    available = serializers.BooleanField()
    missing = serializers.CharField(help_text="What to download, and where to put it.")
    hash = serializers.CharField()


WORKER = {
    "name": "box/default",
    "host": "box",
    "live": True,
    "queues": ["default"],
    "slots": 2,
    "devices": [{"kind": "cpu", "name": "CPU", "memory_bytes": 8589934592}],
    "memory_bytes": 8589934592,
    "trainers": ["fomaml", "maml"],
    "started_at": "2026-11-23T11:00:00Z",
    "heartbeat_at": "2026-11-23T12:00:00Z",
    "stopped_at": None,
}
TRAINER = {
    "name": "maml",
    "title": "MAML",
    "summary": "Learns an initialisation from which a few gradient steps fit a new episode.",
    "family": "few-shot",
    "year": 2017,
    "paper": "Finn, Abbeel, Levine (arXiv:1703.03400)",
    "version": "1",
}
DISTRIBUTION = {
    "name": "omniglot",
    "title": "Omniglot",
    "available": False,
    "missing": "Put images_background.zip and images_evaluation.zip into datasets/omniglot.",
    "hash": "",
}


class Workers(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented("workers_list", "List workers", answer=WorkerOutput, example=WORKER, paged=True)
    def get(self, request: Request) -> Response:
        return self.pages.page(
            request,
            Worker.objects.all(),
            by="name",
            show=lambda some: WorkerOutput(some, many=True).data,
        )


def _trainer(name: str, announced: dict[str, Any]) -> dict[str, Any]:
    """An announcement with empty values where a worker left something out."""
    empty = {"title": name, "summary": "", "family": "", "year": 0, "paper": "", "version": ""}
    return {**empty, "presets": [], **announced, "name": name}


class Trainers(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "trainers_list", "List algorithms", answer=TrainerOutput, example=TRAINER, paged=True
    )
    def get(self, request: Request) -> Response:
        found = [_trainer(name, one) for name, one in announcements.trainers().items()]
        return self.pages.slice(
            request, found, show=lambda some: TrainerOutput(some, many=True).data
        )


class TrainerDetail(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "trainers_get",
        "One algorithm: schema and presets",
        answer=TrainerDetailOutput,
        example={**TRAINER, "schema": {"type": "object"}, "presets": []},
    )
    def get(self, request: Request, name: str) -> Response:
        announced = or_not_found(announcements.trainers().get(name))
        return Response(TrainerDetailOutput(_trainer(name, announced)).data)


class Distributions(ApiView):
    needed = {"GET": SIGNED_IN}

    @documented(
        "distributions_list",
        "List task distributions",
        answer=DistributionOutput,
        example=DISTRIBUTION,
        paged=True,
    )
    def get(self, request: Request) -> Response:
        empty = {"title": "", "available": False, "missing": "", "hash": ""}
        found = [{**empty, **one} for one in announcements.distributions().values()]
        return self.pages.slice(
            request, found, show=lambda some: DistributionOutput(some, many=True).data
        )
