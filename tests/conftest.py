"""Fixtures that every test may use: the cast of people, and a data folder of its own."""

import pytest
from django.conf import LazySettings


@pytest.fixture(autouse=True)
def data_dir(settings: LazySettings, tmp_path):
    """Files a test writes go to its own folder."""
    settings.DATA_DIR = tmp_path / "data"
    settings.CACHE_DIR = settings.DATA_DIR / "cache"
    settings.STORAGES = {
        **settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": settings.DATA_DIR / "blobs"},
        },
    }
    return settings.DATA_DIR
