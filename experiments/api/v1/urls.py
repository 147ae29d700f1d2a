"""Addresses of version 1 of the API."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from experiments.api.v1 import (
    alerts,
    artifact_versions,
    artifacts,
    audit,
    evaluations,
    files,
    invitations,
    jobs,
    metrics,
    model_files,
    models,
    project_access,
    projects,
    run_parts,
    run_tables,
    runs,
    saved_views,
    tokens,
    uploads,
    users,
    workers,
    workspaces,
)

_run = "runs/<slug:run_id>/"
_job = "jobs/<slug:job_id>/"
_evaluation = "evaluations/<slug:evaluation_id>/"
_workspace = "workspaces/<slug:workspace>/"

urlpatterns: list[URLPattern | URLResolver] = [
    *metrics.urlpatterns,  # first, as they are asked most: each address is tried in turn
    path("users/me/", users.Me.as_view()),
    path("tokens/", tokens.Tokens.as_view()),
    path("tokens/<int:token_id>/", tokens.TokenDetail.as_view()),
    path("workspaces/", workspaces.Workspaces.as_view()),
    path(_workspace, workspaces.WorkspaceDetail.as_view()),
    path(f"{_workspace}members/", workspaces.Members.as_view()),
    path(f"{_workspace}members/<str:username>/", workspaces.MemberDetail.as_view()),
    path(f"{_workspace}audit/", audit.Audit.as_view()),
    path("projects/", projects.Projects.as_view()),
    path("projects/<slug:workspace>/<slug:project>/", projects.ProjectDetail.as_view()),
    path("projects/<slug:workspace>/<slug:project>/restore/", projects.ProjectRestore.as_view()),
    path("runs/", runs.Runs.as_view()),
    path("runs/groups/", run_tables.RunGroups.as_view()),
    path("runs/export/", run_tables.RunsExport.as_view()),
    path(_run, runs.RunDetail.as_view()),
    *[path(f"{_run}{verb}/", view.as_view()) for verb, view in runs.ACTIONS.items()],
    path(f"{_run}erase/", runs.RunErase.as_view()),
    path(f"{_run}environment/", run_parts.RunEnvironment.as_view()),
    path(f"{_run}snapshot/", run_parts.RunSnapshot.as_view()),
    path(f"{_run}snapshot/files/", run_parts.SnapshotFiles.as_view()),
    path(f"{_run}snapshot/file/", run_parts.SnapshotFileContent.as_view()),
    path(f"{_run}log/", run_parts.RunLog.as_view()),
    path(f"{_run}evaluations/", evaluations.RunEvaluations.as_view()),
    path(_evaluation, evaluations.EvaluationDetail.as_view()),
    path(f"{_evaluation}episodes/", evaluations.EvaluationEpisodes.as_view()),
    path("jobs/", jobs.Jobs.as_view()),
    path(_job, jobs.JobDetail.as_view()),
    path(f"{_job}cancel/", jobs.JobCancel.as_view()),
    path(f"{_job}retry/", jobs.JobRetry.as_view()),
    path(f"{_job}priority/", jobs.JobPriority.as_view()),
    path("workers/", workers.Workers.as_view()),
    path("trainers/", workers.Trainers.as_view()),
    path("trainers/<str:name>/", workers.TrainerDetail.as_view()),
    path("distributions/", workers.Distributions.as_view()),
    *files.urlpatterns,
    *alerts.urlpatterns,
    *uploads.urlpatterns,
    *artifacts.urlpatterns,
    *artifact_versions.urlpatterns,
    *models.urlpatterns,
    *model_files.urlpatterns,
    *project_access.urlpatterns,
    *saved_views.urlpatterns,
    *invitations.urlpatterns,
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
