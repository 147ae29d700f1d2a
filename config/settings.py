"""Every setting, top to bottom. Each knob is an environment variable named METASCOPE_*."""

import os
import secrets
from pathlib import Path
from typing import Any

from celery.schedules import schedule

from config import blob_store, data_folder, database_url, env, logs
from config.options import MOST_WORKERS

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("METASCOPE_DATA", BASE_DIR / "data")

DEBUG = env.flag("METASCOPE_DEBUG")


def _secret_key() -> str:
    """The variable, or a key kept in the data folder and made by `./run` on the first start."""
    key = env.text("METASCOPE_SECRET_KEY")
    kept = DATA_DIR / "secret_key"
    if key:
        return key
    if kept.exists():
        return kept.read_text().strip()
    # No data folder yet: only commands that need no lasting signature run in this state.
    return secrets.token_urlsafe(50)


def _metrics_token() -> str:
    """What Prometheus sends: the variable, or the token that `./run` keeps in the data folder."""
    token = env.text("METASCOPE_METRICS_TOKEN")
    kept = DATA_DIR / "metrics_token"
    if token or not kept.exists():
        return token
    return kept.read_text().strip()


def _embedded_broker_url() -> str:
    """Of the broker `./run` started for this data folder, so that commands beside it reach it."""
    kept = DATA_DIR / "broker_url"
    return kept.read_text().strip() if kept.exists() else "redis://127.0.0.1:6379/0"


def _database_url() -> str:
    """The variable, or what `./run` was last started with on this data folder, so that commands
    beside it reach the same database."""
    kept = DATA_DIR / "database_url"
    if (url := env.text("METASCOPE_DATABASE_URL")) or not kept.exists():
        return url
    return kept.read_text().strip()


SECRET_KEY = _secret_key()
METRICS_TOKEN = _metrics_token()
# This machine's own names always work: a page elsewhere cannot make a browser send them.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *env.words("METASCOPE_HOSTS")]
CSRF_TRUSTED_ORIGINS = env.addresses("METASCOPE_TRUSTED_ORIGINS", "http", "https")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "config",
    "experiments",
    "dashboard",
]

MIDDLEWARE = [
    "config.requests.Answering",
    "config.security.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.text_direction.VisibleDirections",
    "dashboard.middleware.SignInRequired",
    "dashboard.middleware.DomainErrors",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# PostgreSQL where it is named, else a file in the data folder.
_DATABASE_URL = _database_url()
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "metascope.sqlite3",
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        # Writers queue at BEGIN instead of failing when they first write; FULL: a commit that
        # was answered with 200 survives power loss (docs/decisions).
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8000; "
            "PRAGMA temp_store=MEMORY;"
        ),
    },
}
DATABASES = {
    "default": database_url.parse("METASCOPE_DATABASE_URL", _DATABASE_URL)
    if _DATABASE_URL
    else _SQLITE
}

AUTH_USER_MODEL = "experiments.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "UserAttributeSimilarityValidator",
    )
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
# Behind a proxy that ends TLS: cookies over HTTPS only, and the proxy's word on the scheme counts.
BEHIND_HTTPS = env.flag("METASCOPE_HTTPS")
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING = logs.configuration(env.one_of("METASCOPE_LOG_FORMAT", "text", *logs.FORMATS))

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.static.VendorFinder",
]
# `./run` collects hashed and compressed files into this folder and names it to the web server.
# Everything else (tests, one-off commands) serves the sources as they are.
SERVES_COLLECTED = bool(env.text("METASCOPE_STATIC"))
STATIC_ROOT = env.path("METASCOPE_STATIC", BASE_DIR / "staticfiles") if SERVES_COLLECTED else None
WHITENOISE_USE_FINDERS = not SERVES_COLLECTED

# Content-addressed files; any Django storage works.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.static.HashedStorage"
        if SERVES_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
    "blobs": blob_store.storage(DATA_DIR),
}

DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("METASCOPE_MAX_BODY_BYTES", 32 * 1024 * 1024, least=1024)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "experiments.api.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["experiments.api.auth.WorkspaceRole"],
    "EXCEPTION_HANDLER": "experiments.api.errors.handle",
    "DEFAULT_PAGINATION_CLASS": "experiments.api.pages.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["experiments.api.json.StrictJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["experiments.api.json.StrictJSONParser"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Metascope",
    "VERSION": "1",
    "DESCRIPTION": "Track, run and compare machine-learning experiments.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "RunStatus": "experiments.models.runs.RunStatus",
        "JobStatus": "experiments.models.jobs.JobStatus",
        "Role": "experiments.models.access.Role",
        "OwnRole": "experiments.api.v1.project_access.OWN",
        "ClientRunEnd": "experiments.api.v1.run_shapes.CLIENT_ENDS",
    },
}

# The broker is a doorbell: messages hold a job's id, and losing them loses nothing.
CELERY_BROKER_URL = next(
    iter(env.addresses("METASCOPE_BROKER_URL", "redis", "rediss", "unix", "redis+socket")),
    _embedded_broker_url(),
)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # jobs run without a broker; wait for it for ever
# Nor may what the broker answers (its memory is full, a replica, ...) end the worker with its jobs.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7 * 24 * 3600,
    "socket_keepalive": True,
    # A broker that hangs must not hold up a submit: the ledger has the job already.
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}
CELERY_BEAT_SCHEDULE = {
    "sweep-jobs": {"task": "worker.tasks.sweep_jobs", "schedule": schedule(5)},
    "fold-series": {"task": "worker.tasks.fold_series", "schedule": schedule(20)},
}

# Jobs
JOB_SLOTS = env.number("METASCOPE_WORKERS", min(2, os.cpu_count() or 1), least=1, most=MOST_WORKERS)
LEASE_S = env.number("METASCOPE_LEASE_S", 30, least=4)
# At least four beats in a lease: one that is late must not cost a job.
HEARTBEAT_S = env.number("METASCOPE_HEARTBEAT_S", min(3, LEASE_S // 4), most=LEASE_S // 4)
# Scripts beat by sending something, and many send little: forgiving, as a late point undoes it.
CLIENT_SILENCE_S = env.number("METASCOPE_CLIENT_SILENCE_S", 600, least=10)
# Runs of MLflow's clients, which send no heartbeat.
MUTE_CLIENT_SILENCE_S = env.number("METASCOPE_MUTE_CLIENT_SILENCE_S", 24 * 3600, least=10)
# A running run that logs no point for so long is told of to those who watch for it.
BEST_S = env.number("METASCOPE_BEST_S", 600, least=10)
STALL_S = env.number("METASCOPE_STALL_S", 1800, least=10)
# Hosts, addresses and networks that webhooks may lead to though they are not public.
WEBHOOK_HOSTS = env.words("METASCOPE_WEBHOOK_HOSTS")
# What was deleted by mistake can be fetched back for a day at least.
TRASH_DAYS = env.number(
    "METASCOPE_TRASH_DAYS", data_folder.kept_trash_days(DATA_DIR, 30), least=1, most=36_500
)
JOB_NICE = env.number("METASCOPE_JOB_NICE", 5, most=19)  # of a job's process; 0: like the pages
JOB_MEMORY_MB = env.number("METASCOPE_JOB_MEMORY_MB", 0)  # a job's process; 0: no limit
DATASETS_DIR = DATA_DIR / "datasets"
OMNIGLOT_DIR = env.path("METASCOPE_OMNIGLOT", DATASETS_DIR / "omniglot")
CACHE_DIR = DATA_DIR / "cache"
