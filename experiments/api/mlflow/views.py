"""What all views of MLflow's addresses share: who calls, what about, and who may."""

import base64
import binascii
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import access
from experiments.access import Place
from experiments.api.auth import (
    Anyone,
    TokenAuthentication,
    caller,
    may_in_run,
    visible_projects,
    visible_workspaces,
)
from experiments.api.json import StrictJSONParser, StrictJSONRenderer
from experiments.api.mlflow import errors
from experiments.api.mlflow.fields import Fields
from experiments.api.views import ApiView
from experiments.errors import Denied
from experiments.mlflow import experiments
from experiments.mlflow.words import Record, no_such
from experiments.models import ApiToken, Project, Role, Run, User, Workspace

Subject = TypeVar("Subject")


class TokenOrPassword(TokenAuthentication):
    """A bearer token, or Basic with any name and the token as password."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return super().authenticate(request)
        try:
            password = base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            password = ""
        found = access.user_for_token(password)
        if found is None:
            raise exceptions.AuthenticationFailed()
        return found


class AnyJSONParser(StrictJSONParser):
    """JSON whatever its Content-Type says; there are no cookies here that a page could borrow."""

    media_type = "*/*"


@dataclass(frozen=True)
class Call:
    """A request: what it carries, and whose it is."""

    asked: Fields
    request: Request
    parts: Mapping[str, str]  # of the address

    @property
    def caller(self) -> User:
        return caller(self.request)

    @property
    def workspaces(self) -> QuerySet[Workspace]:
        return visible_workspaces(self.request)

    @property
    def projects(self) -> QuerySet[Project]:
        """Those that the caller may see."""
        return visible_projects(self.request)

    @property
    def writable(self) -> QuerySet[Project]:
        return visible_projects(self.request, Role.MEMBER)

    @cached_property
    def home(self) -> Workspace:
        """Where what has no workspace yet belongs: the token's, else the caller's first."""
        found = self.workspaces.order_by("pk").first()
        if found is None:
            raise Denied("You are in no workspace: ask an admin to add you to one.")
        return found


class MlflowView(ApiView):
    authentication_classes = [TokenOrPassword]
    parser_classes = [AnyJSONParser]
    renderer_classes = [StrictJSONRenderer]
    schema = None  # MLflow's own documents describe these routes; ours describe ours

    def get_exception_handler(self) -> Any:
        return errors.handle

    @property
    def call(self) -> Call:
        if not hasattr(self, "_call"):
            self._call = Call(
                Fields(self._sent()),
                self.request,
                {name: str(value) for name, value in self.kwargs.items()},
            )
        return self._call

    def _sent(self) -> Mapping[str, Any]:
        if self.request.method != "GET":
            return self.body
        query = self.request.query_params
        lists = {name: query.getlist(name) for name in query}
        return {name: found if len(found) > 1 else found[0] for name, found in lists.items()}


class About(MlflowView, Generic[Subject]):
    """A view about one thing, in whose workspace or project the caller's role is checked."""

    @abstractmethod
    def find(self) -> Subject:
        """The thing among the caller's. Raises NotFound."""

    @abstractmethod
    def place_of(self, subject: Subject) -> Place:
        """Where it belongs."""

    @property
    def subject(self) -> Subject:
        if not hasattr(self, "_subject"):
            self._subject = self.find()
        return self._subject

    def find_place(self) -> Place:
        return self.place_of(self.subject)


class AboutHome(About[Workspace]):
    """What has no other place: it is the caller's home workspace's."""

    def find(self) -> Workspace:
        return self.call.home

    def place_of(self, subject: Workspace) -> Place:
        return subject


class AboutExperiment(About[Project]):
    """The experiment of `experiment_id`; without one "0"."""

    def find(self) -> Project:
        return find_experiment(self.call, self.call.asked.text("experiment_id", "0") or "0")

    def place_of(self, subject: Project) -> Place:
        return subject


class AboutRun(About[Run]):
    """The run of `run_id`, or of its old name `run_uuid`, deleted or not."""

    rows: ClassVar[QuerySet[Run]] = Run.objects.select_related("project__workspace", "created_by")
    is_let_in = False

    @property
    def run_id(self) -> str:
        asked = self.call.asked
        return asked.text("run_id") or asked.needed("run_uuid")

    def authorize(self, needed: Role) -> None:
        """Calls come often: one statement lets them pass; whom it does not gets a reason."""
        self.is_let_in = may_in_run(self.request, self.run_id, needed)
        if not self.is_let_in:
            super().authorize(needed)

    def find(self) -> Run:
        rows = self.rows.filter(pk=self.run_id)
        if not self.is_let_in:
            rows = rows.filter(project__in=self.call.projects)
        found = rows.first()
        if found is None:
            raise no_such("run", self.run_id)
        return found

    def place_of(self, subject: Run) -> Place:
        return subject.project


def find_experiment(call: Call, experiment_id: str) -> Project:
    """The experiment; "0" is made when a member first asks for it. Raises NotFound."""
    found = _experiment(call, experiment_id)
    if found is None:
        ensure_default(call, experiment_id)
        found = _experiment(call, experiment_id)
    if found is None:
        raise no_such("experiment", experiment_id)
    return found


def _experiment(call: Call, experiment_id: str) -> Project | None:
    home = call.home if experiments.whole_id(experiment_id) == 0 else None
    rows = call.projects.select_related("workspace")
    return rows.filter(experiments.with_ids(home, [experiment_id])).first()


def ensure_default(call: Call, experiment_id: str = "0") -> None:
    """Makes experiment "0", if it is meant and the caller may make experiments."""
    if experiments.whole_id(experiment_id) == 0:
        role = access.role_in(call.caller, call.home)
        if role is not None and role.allows(Role.MEMBER):
            experiments.ensure_default(call.home)


Act = Callable[[Subject, Call], Record]


def about(
    base: type[About[Subject]], act: Act[Subject], role: Role, *methods: str
) -> type[About[Subject]]:
    """A view class that answers these methods, POST unless told, with what `act` returns."""

    def answer(self: About[Subject], request: Request, **kwargs: Any) -> Response:
        return Response(act(self.subject, self.call))

    served = methods or ("POST",)
    members = {method.lower(): answer for method in served}
    needed = {"needed": dict.fromkeys(served, role)}
    return type(f"{base.__name__}View", (base,), {**members, **needed, "__doc__": act.__doc__})


def about_run_id(act: Callable[[str, Call], Record], role: Role) -> type[AboutRun]:
    """The same of a run by its id, for what reads the run's row itself."""

    def post(self: AboutRun, request: Request) -> Response:
        return Response(act(self.run_id, self.call))

    members = {"post": post, "needed": {"POST": role}, "__doc__": act.__doc__}
    return type("AboutRunIdView", (AboutRun,), members)


def for_caller(act: Callable[[Call], Record], needed: Anyone, *methods: str) -> type[MlflowView]:
    """The same for what shows each caller only what is theirs."""

    def answer(self: MlflowView, request: Request, **kwargs: Any) -> Response:
        return Response(act(self.call))

    served = methods or ("POST",)
    members = {method.lower(): answer for method in served}
    declared = {"needed": dict.fromkeys(served, needed)}
    return type("CallerView", (MlflowView,), {**members, **declared, "__doc__": act.__doc__})


def together(*views: type[MlflowView]) -> type[MlflowView]:
    """One view class for the methods of several, which are about the same thing."""
    members: dict[str, Any] = {"needed": {k: v for view in views for k, v in view.needed.items()}}
    for view in views:
        members |= {method.lower(): getattr(view, method.lower()) for method in view.needed}
    return type(views[0].__name__, (views[0],), members)


def experiments_of(call: Call) -> QuerySet[Project]:
    """The caller's experiments among `experiment_ids`; what is unknown is left out. Raises Invalid
    for what is no id."""
    ids = call.asked.texts("experiment_ids")
    home = call.home if any(experiments.whole_id(one) == 0 for one in ids) else None
    return call.projects.filter(experiments.with_ids(home, ids))


def page_of(name: str, found: list[Record], token: str) -> Record:
    """A page of a list, with the token of the next page if one follows."""
    return {name: found, **({"next_page_token": token} if token else {})}
