"""What pages know of a request: whose it is, and what its address asks for."""

from django.http import HttpRequest

from experiments.models import User


class SignedIn(HttpRequest):
    """A request that passed `SignInRequired`: its user is one of ours. A type only."""

    user: User
