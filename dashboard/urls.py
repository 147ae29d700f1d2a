"""Addresses of the pages."""

from django.urls import URLPattern, path

from dashboard.views import home, palette, projects, queue, run, runs, sign_in, tokens

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/<str:secret>/", sign_in.sign_in_link, name="sign_in_link"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("palette/", palette.palette, name="palette"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("runs/", projects.latest, name="runs"),
    path("projects/new/", projects.new, name="project_new"),
    path("p/<slug:workspace>/<slug:project>/", runs.table, name="project"),
    path("runs/<str:run_id>/", run.page, name="run"),
    path("queue/", queue.page, name="queue"),
]
