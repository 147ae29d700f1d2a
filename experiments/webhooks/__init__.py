"""Addresses that are told of events, by signed requests that are sent until they are taken."""

from experiments.webhooks.keeping import MOST, create, ping, remove, send_again
from experiments.webhooks.sending import send_due

__all__ = ["MOST", "create", "ping", "remove", "send_again", "send_due"]
