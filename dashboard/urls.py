"""Addresses of the pages."""

from django.urls import URLPattern, path

from dashboard.views import (
    home,
    jobs_new,
    palette,
    projects,
    queue,
    run,
    run_actions,
    run_charts,
    run_console,
    runs,
    sign_in,
    tokens,
)

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/<str:secret>/", sign_in.sign_in_link, name="sign_in_link"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("palette/", palette.palette, name="palette"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token_revoke"),
    path("projects/new/", projects.new, name="project_new"),
    path("p/<slug:workspace>/<slug:project>/", runs.table, name="project"),
    path("p/<slug:workspace>/<slug:project>/charts/", runs.curves, name="project_curves"),
    path("p/<slug:workspace>/<slug:project>/runs/", run_actions.many, name="project_runs_change"),
    path("runs/", projects.latest, name="runs"),
    path("runs/<str:run_id>/", run.page, name="run"),
    path("runs/<str:run_id>/charts/curve/", run_charts.curve, name="run_curve"),
    path("runs/<str:run_id>/charts/adaptation/", run_charts.adaptation, name="run_adaptation"),
    path("runs/<str:run_id>/charts/fit/", run_charts.fit, name="run_fit"),
    path("runs/<str:run_id>/console/", run_console.lines, name="run_console"),
    path("runs/<str:run_id>/console.txt", run_console.download, name="run_console_download"),
    path("runs/<str:run_id>/file/", run_console.file, name="run_file"),
    path("runs/<str:run_id>/cancel/", run_actions.cancel, name="run_cancel"),
    path("runs/<str:run_id>/tags/", run_actions.tags, name="run_tags"),
    path("runs/<str:run_id>/notes/", run_actions.notes, name="run_notes"),
    path("runs/<str:run_id>/archive/", run_actions.archive, name="run_archive"),
    path("jobs/new/", jobs_new.page, name="job_new"),
    path("queue/", queue.page, name="queue"),
    path("queue/<str:job_id>/cancel/", queue.cancel, name="job_cancel"),
    path("queue/<str:job_id>/retry/", queue.retry, name="job_retry"),
    path("queue/<str:job_id>/priority/", queue.prioritise, name="job_priority"),
]
