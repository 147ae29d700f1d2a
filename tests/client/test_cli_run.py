"""`metascope run`: a script or a module is recorded as it would run without it."""

import pytest

from experiments.models import Run, RunStatus
from tests.client.test_end_to_end import environment, execute  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

MODULE = """
import pickle, sys
from pkg.helper import VALUE

class Config:
    pass

pickle.loads(pickle.dumps(Config()))
print(__name__, sys.argv[1:], VALUE)
sys.exit(4)
"""


def test_a_module_runs_as_python_runs_it(environment, tmp_path):  # noqa: F811
    package = tmp_path / "pkg"
    package.mkdir()
    for name, text in {"__init__": "", "helper": "VALUE = 7\n", "train": MODULE}.items():
        (package / f"{name}.py").write_text(text)
    variables = {**environment, "METASCOPE_PROJECT": "mine", "GIT_CEILING_DIRECTORIES": "/"}
    arguments = ["-m", "metascope", "run", "-m", "pkg.train", "--lr", "1"]

    done = execute(arguments, variables, tmp_path)

    assert (done.returncode, done.stdout) == (4, "__main__ ['--lr', '1'] 7\n"), done.stderr
    run = Run.objects.get()
    assert (run.project.slug, run.name, run.exit_code) == ("mine", "pkg.train", 4)
    assert run.status == RunStatus.FAILED
    assert "train.py" in {one.path for one in run.snapshot.files.all()}


def test_a_package_runs_by_its_main_and_an_option_names_the_project(environment, tmp_path):  # noqa: F811
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("print('as a package')\n")
    variables = {**environment, "METASCOPE_PROJECT": "mine"}

    done = execute(
        ["-m", "metascope", "run", "--project", "other", "-m", "pkg"], variables, tmp_path
    )

    assert (done.returncode, done.stdout) == (0, "as a package\n"), done.stderr
    assert Run.objects.get().project.slug == "other"


@pytest.mark.parametrize("name", ["nowhere", "json.nowhere", "..", "xml"])
def test_what_is_no_module_makes_no_run(environment, tmp_path, name):  # noqa: F811
    done = execute(["-m", "metascope", "run", "-m", name], environment, tmp_path)

    assert (done.returncode, done.stderr) == (2, f"There is no module {name}.\n")
    assert not Run.objects.exists()
