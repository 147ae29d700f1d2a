"""The web application."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.chunked import with_length

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = with_length(get_wsgi_application())
# All views are imported before the server forks, once for all processes, not at the first request.
get_resolver().url_patterns  # noqa: B018
