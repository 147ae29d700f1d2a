"""Short addresses of pages whose own address is long."""

import secrets

from django.db import models
from django.db.models.functions import Now

from experiments.models.access import User


def new_short_id() -> str:
    """12 characters that nobody guesses: what an address says is for those who were given it."""
    return secrets.token_urlsafe(9)


class ShortLink(models.Model):
    """What `/s/<id>/` leads to. One of each address, whoever asked for it."""

    id = models.CharField(primary_key=True, max_length=16, default=new_short_id, editable=False)
    address = models.TextField()  # path, query and fragment of a page of ours
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the address
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="short_links"
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"/s/{self.id}/"
