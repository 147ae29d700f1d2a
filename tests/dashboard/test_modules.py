"""Modules of pages, joined into one: they do what they do alone, or are refused."""

import re

import pytest
from django.conf import settings

from dashboard import modules

TEMPLATES = settings.BASE_DIR / "templates"


def test_every_module_is_joined_after_those_it_imports():
    joined = modules.joined().decode()

    places = {
        path.name: joined.index(f'"{path.name}": () => {{')
        for path in modules.FOLDER.glob("*.js")
        if path.name not in modules.APART
    }
    assert len(places) > 60
    for name, place in places.items():
        assert all(places[needed] < place for needed in modules.imported(name)), name


def test_nothing_is_left_that_asks_for_another_file():
    assert not re.search(r"^(import|export)\b", modules.joined().decode(), re.MULTILINE)


def test_imports_and_exports_become_names_of_one_file():
    sources = {
        "first.js": "export const $ = 1;\nexport async function two() {}\nconst own = 3;\n",
        "last.js": (
            "import { $, two as second } from './first.js';\n"
            "import * as all from './first.js';\n"
            "import './first.js';\n"
            "second($, all.two);\n"
        ),
    }

    first, last = modules.join(sources).split('"last.js": ')

    assert "return { $, two };" in first
    assert 'const { $, two: second } = joined("first.js");\n' in last
    assert 'const all = joined("first.js");\njoined("first.js");\n' in last
    assert "second($, all.two);\n" in last


@pytest.mark.parametrize(
    "line",
    [
        "import first from './first.js';",
        "import { a } from 'elsewhere';",
        "export default 1;",
        "export let count = 0;",
        "export { a };",
        "await ready;",
        "const later = () => import('./first.js');",
    ],
)
def test_other_ways_to_import_export_and_wait_are_refused(line):
    with pytest.raises(modules.CannotJoin, match=re.escape(f"last.js has {line!r}")):
        modules.join({"first.js": "export const a = 1;\n", "last.js": f"{line}\n"})


def test_modules_that_import_each_other_are_refused():
    sources = {"a.js": "import './b.js';\n", "b.js": "import './a.js';\n"}

    with pytest.raises(modules.CannotJoin, match=r"a\.js -> b\.js -> a\.js|b\.js -> a\.js -> b"):
        modules.join(sources)


def test_import_of_what_does_not_exist_is_refused():
    with pytest.raises(modules.CannotJoin, match=r"gone\.js, which does not exist"):
        modules.join({"a.js": "import './gone.js';\n"})


def test_templates_name_modules_and_never_load_one_a_second_time():
    for path in TEMPLATES.rglob("*.html"):
        assert 'type="module"' not in path.read_text(), f"{path} has a script of its own"
        for name in re.findall(r"{% modules ([^%]*)%}", path.read_text()):
            for quoted in name.split():
                assert (modules.FOLDER / quoted.strip('"')).is_file(), f"{path}: {quoted}"
