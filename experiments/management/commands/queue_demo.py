"""`manage.py queue_demo`: the first comparison, Figure 2 of the MAML paper in miniature."""

from typing import Any
from urllib.parse import urlencode

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from experiments import access, announcements, lifecycle
from experiments.errors import DomainError
from experiments.models import Project, Run, Workspace

PROJECT = "sinusoid-demo"
TAG = "demo"
# Name of the run -> the preset it runs, as announced by the workers.
RUNS = {
    "MAML": "maml-sinusoid-short",
    "Pretrained": "pretrained-sinusoid-short",
    "Random initialisation": "random-init-sinusoid",
    "Oracle": "oracle-sinusoid-short",
}


class Command(BaseCommand):
    help = (
        "Queues MAML and its baselines on the sinusoid and prints where to compare them, alone on "
        "the last line. Runs once: later calls print the same address."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                runs = self._queued() or self._queue()
        except DomainError as error:
            raise CommandError(str(error)) from error
        query = urlencode({"runs": ",".join(run.id for run in runs)}, safe=",")
        self.stdout.write(f"/compare/?{query}")

    def _queued(self) -> list[Run]:
        """The demonstration's runs if it was queued before."""
        runs = Run.objects.filter(
            project__slug=PROJECT, tag_rows__name=TAG, name__in=RUNS, archived_at=None
        )
        return list(runs.order_by("number")[: len(RUNS)])

    def _queue(self) -> list[Run]:
        user = access.ensure_first_user()
        workspace = Workspace.objects.get(slug="default")
        project = Project.objects.filter(workspace=workspace, slug=PROJECT).first()
        if project is None:
            project = lifecycle.create_project(
                workspace=workspace,
                slug=PROJECT,
                name="Sinusoid demonstration",
                description="MAML against its baselines on 10-shot sinusoid regression.",
                main_metric="test/query_loss_step_1",
                main_metric_direction="min",
            )
        presets = self._presets()
        jobs = [
            job
            for name, preset in RUNS.items()
            for job in lifecycle.submit_job(
                project=project, user=user, spec=presets[preset], name=name, tags=[TAG]
            )
        ]
        return [job.run for job in jobs]

    def _presets(self) -> dict[str, dict[str, Any]]:
        announced = {
            preset["name"]: preset["spec"]
            for trainer in announcements.trainers().values()
            for preset in trainer["presets"]
        }
        missing = sorted(set(RUNS.values()) - set(announced))
        if missing:
            raise CommandError(
                f"No worker has announced {', '.join(missing)}: start Metascope with ./run first."
            )
        return announced
