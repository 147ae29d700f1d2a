"""What all views share: reading a body, and finding the thing an address names for this caller."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from rest_framework.request import Request
from rest_framework.views import APIView

from experiments.access import Place
from experiments.api.auth import (
    SIGNED_IN,
    Needed,
    authorize,
    caller,
    seen,
    visible_projects,
    visible_workspaces,
)
from experiments.api.errors import NOT_FOUND
from experiments.api.fields import Input
from experiments.api.pages import Pages
from experiments.errors import Invalid, NotFound
from experiments.models import Project, Role, Run, User, Workspace

T = TypeVar("T")


class ApiView(APIView):
    """A view that declares per method who may call it; what is not declared is refused."""

    needed: ClassVar[Needed] = {}
    metadata_class = None  # OPTIONS is not part of this API
    pages = Pages()

    @property
    def caller(self) -> User:
        return caller(self.request)

    @property
    def body(self) -> Mapping[str, Any]:
        """What was sent, as it was parsed."""
        data = self.request.data
        assert isinstance(data, Mapping)  # the parsers take nothing else
        return data

    def find_place(self) -> Place:
        """The workspace or project that the address (or body) names; roles are checked in it."""
        raise NotFound(NOT_FOUND)

    def authorize(self, needed: Role) -> None:
        """Raises NotFound or Denied unless the caller has the role."""
        authorize(self.request, self.find_place(), needed)

    def read(self, schema: type[Input]) -> dict[str, Any]:
        """The validated body. Raises DRF's ValidationError with every field that is wrong."""
        serializer = schema(data=self.body)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class WorkspaceView(ApiView):
    """Below /workspaces/<workspace>/."""

    def find_workspace(self) -> Workspace:
        if not hasattr(self, "_workspace"):
            self._workspace = find_workspace(self.request, self.kwargs["workspace"])
        return self._workspace

    def find_place(self) -> Place:
        return self.find_workspace()


class ProjectView(ApiView):
    """Below /projects/<workspace>/<project>/."""

    @property
    def project(self) -> Project:
        if not hasattr(self, "_project"):
            found = (
                visible_projects(self.request)
                .select_related("workspace")
                .filter(
                    workspace__slug=self.kwargs["workspace"],
                    slug=self.kwargs["project"],
                )
            )
            self._project = or_not_found(found.first())
        return self._project

    def find_place(self) -> Place:
        return self.project


class RunView(ApiView):
    """Below /runs/<run_id>/."""

    @property
    def run(self) -> Run:
        if not hasattr(self, "_run"):
            found = Run.objects.select_related("project__workspace", "job", "created_by").filter(
                seen(self.request), pk=self.kwargs["run_id"]
            )
            self._run = or_not_found(found.first())
        return self._run

    def find_place(self) -> Place:
        return self.run.project


class BodyProjectView(ApiView):
    """A list whose POST names its project in the body: "slug" or "workspace/slug"."""

    @property
    def project(self) -> Project:
        if not hasattr(self, "_project"):
            self._project = find_project(self.request, self.body.get("project"))
        return self._project

    def find_place(self) -> Place:
        return self.project


def or_not_found(found: T | None) -> T:
    """The row, or NotFound."""
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


def find_workspace(request: Request, slug: str) -> Workspace:
    """The caller's workspace of that slug."""
    return or_not_found(visible_workspaces(request).filter(slug=slug).first())


def find_project(request: Request, name: Any) -> Project:
    """The project called "workspace/slug", or "slug" if only one workspace of the caller has it.

    Raises at `project`: Invalid if missing or ambiguous, NotFound if unknown or foreign.
    """
    if not isinstance(name, str) or not name:
        raise _bad_project("Name a project: 'slug' or 'workspace/slug'.")
    workspace, _, slug = name.rpartition("/")
    found = visible_projects(request).select_related("workspace")
    found = found.filter(slug=slug, deleted_at=None)
    if workspace:
        found = found.filter(workspace__slug=workspace)
    projects = list(found[:2])
    if not projects:
        message = f"There is no project {name[:130]!r} that you can see."
        raise NotFound(message, code="project_not_found", fields={"project": [message]})
    if len(projects) > 1:
        raise _bad_project(f"Several workspaces have a project {slug!r}: write 'workspace/{slug}'.")
    return projects[0]


def _bad_project(message: str) -> Invalid:
    return Invalid(f"project: {message}", fields={"project": [message]})


__all__ = [
    "SIGNED_IN",
    "ApiView",
    "BodyProjectView",
    "ProjectView",
    "Role",
    "RunView",
    "WorkspaceView",
    "authorize",
    "find_project",
    "find_workspace",
    "seen",
    "visible_projects",
    "visible_workspaces",
]
