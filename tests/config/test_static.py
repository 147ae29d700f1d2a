"""Static files: vendored ones are found, collected ones are hashed, compressed and made once."""

import gzip
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import override_settings
from plotly.offline import get_plotlyjs_version

from config import static
from dashboard import modules, sheets


@pytest.mark.parametrize("name", sorted(static.VENDORED))
def test_vendored_file_is_found(name):
    assert finders.find(name).endswith(".js")
    assert finders.find(name, find_all=True) == [finders.find(name)]


def test_drawing_library_is_of_the_version_that_figures_are_made_for():
    script = Path(finders.find("vendor/plotly-cartesian.min.js")).read_text(encoding="utf-8")

    assert f"v{get_plotlyjs_version()}\n" in script[:200]


def test_drawing_library_has_every_kind_of_trace_that_figures_are_made_of():
    script = Path(finders.find("vendor/plotly-cartesian.min.js")).read_text(encoding="utf-8")
    charts = (settings.BASE_DIR / "dashboard" / "charts").glob("*.py")
    kinds = {kind for path in charts for kind in re.findall(r"go\.([A-Z]\w+)\(", path.read_text())}

    assert {"Bar", "Scatter"} <= kinds
    for kind in kinds - {"Figure"}:
        assert f'name:"{kind.lower()}",basePlotModule' in script


def test_nothing_else_of_those_packages_is_served():
    assert finders.find("vendor/widgetbundle.js") is None


def test_vendored_script_is_served_from_its_package(client):
    answer = client.get("/static/vendor/htmx.min.js")

    assert answer.status_code == 200
    assert b"htmx" in b"".join(answer.streaming_content)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    root = tmp_path_factory.mktemp("static")
    storages = {"staticfiles": {"BACKEND": "config.static.HashedStorage"}}
    with override_settings(STATIC_ROOT=root, STORAGES=storages):
        assert static.collect(root)
        assert not static.collect(root), "nothing changed, so nothing is collected again"
    return root


def test_collected_files_have_hashed_names_and_a_compressed_twin(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]

    plotly = names["vendor/plotly-cartesian.min.js"]
    assert re.fullmatch(r"vendor/plotly-cartesian\.min\.[0-9a-f]{12}\.js", plotly)
    compressed = (collected / f"{plotly}.gz").read_bytes()
    assert len(compressed) < 600_000
    assert gzip.decompress(compressed) == (collected / plotly).read_bytes()


def test_imports_between_our_modules_name_hashed_files(collected):
    imports = [
        (path, found)
        for path in (collected / "dashboard").rglob("*.js")
        if re.search(r"\.[0-9a-f]{12}\.js$", path.name)
        for found in re.findall(r'from "(\./[^"]+)"', path.read_text())
    ]

    assert imports
    for path, found in imports:
        assert re.search(r"\.[0-9a-f]{12}\.js$", found), f"{path.name} imports {found}"
        assert (path.parent / found).exists()


def test_style_sheets_of_pages_are_collected_into_one(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    joined = (collected / names["dashboard/css/pages.css"]).read_text()

    places = [joined.index((sheets.FOLDER / f"{name}.css").read_text()) for name in sheets.SHEETS]
    assert places == sorted(places)


def test_modules_of_pages_are_collected_into_one(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]

    assert (collected / names["dashboard/js/pages.js"]).read_bytes() == modules.joined()


def test_edited_source_is_collected_again(collected, monkeypatch):
    before = static._sources_fingerprint()
    source = finders.find("dashboard/js/dom.js")

    assert source is not None
    monkeypatch.setattr(static, "VENDORED", {})
    assert static._sources_fingerprint() != before
