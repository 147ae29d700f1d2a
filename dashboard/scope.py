"""What a page may show: every lookup starts from the reader; foreign ids are not found."""

from django.http import HttpRequest

from dashboard.requests import SignedIn
from experiments import access
from experiments.errors import Invalid, NotFound
from experiments.models import Job, Project, Role, Run, User, Workspace
from experiments.models.runs import DOCUMENTS

LAST_STEP = 2**62  # later than any step: asks for the last


def project_of(request: SignedIn, workspace: str, project: str) -> Project:
    """The project at /p/<workspace>/<project>/. Raises NotFound, also for strangers."""
    found = (
        Project.objects.visible_to(request.user)
        .select_related("workspace")
        .filter(workspace__slug=workspace, slug=project)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no project {workspace}/{project}, or it is not yours to see.")
    return found


def workspace_of(request: SignedIn, slug: str) -> Workspace:
    """The workspace at /w/<slug>/. Raises NotFound, also for strangers."""
    found = access.workspaces_of(request.user).filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no workspace {slug}, or it is not yours to see.")
    return found


def run_of(request: SignedIn, run_id: str) -> Run:
    """The run with its project, job and snapshot. Raises NotFound, also for strangers."""
    found = (
        Run.objects.visible_to(request.user)
        .select_related("project__workspace", "job__worker", "snapshot", "created_by", "parent")
        .defer(*(f"parent__{one}" for one in DOCUMENTS))
        .filter(pk=run_id)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no run {run_id}, or it is not yours to see.")
    return found


def editable_run(request: SignedIn, run_id: str) -> Run:
    """As `run_of`, for a reader who may change it. Raises Denied for viewers."""
    run = run_of(request, run_id)
    access.require(request.user, run.project, Role.MEMBER)
    return run


def editable_job(request: SignedIn, job_id: str) -> Job:
    """The job, for a reader who may change it. Raises NotFound to strangers, Denied to viewers."""
    job = Job.objects.select_related("run__project", "workspace").filter(pk=job_id).first()
    if job is None or access.role_in(request.user, job.run.project) is None:
        raise NotFound(f"There is no job {job_id}, or it is not yours to see.")
    access.require(request.user, job.run.project, Role.MEMBER)
    return job


def may_edit(user: User, project: Project) -> bool:
    """True for members and admins: pages show action buttons only to them."""
    role = access.role_in(user, project)
    return role is not None and role.allows(Role.MEMBER)


def may_register(user: User, workspace: Workspace) -> bool:
    """True for members and admins of the workspace, whose the registry of models is."""
    role = access.role_in(user, workspace)
    return role is not None and role.allows(Role.MEMBER)


def number_in(request: HttpRequest, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number of the query string. Raises Invalid with the limits."""
    text = request.GET.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        limits = f"Use a whole number from {least} to {most}."
        raise Invalid(f"{name} is {text[:40]!r}. {limits}", fields={name: [limits]})
    return value
