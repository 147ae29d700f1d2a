"""The environment is made once, made again when packages change, or refused with a sentence."""

import sys
from pathlib import Path

import pytest

from config import install


def requirements(tmp_path: Path, text: str = "# nothing\n") -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return path


@pytest.mark.slow
def test_environment_is_made_once_and_mended(tmp_path, capsys):
    wanted = requirements(tmp_path)
    folder = tmp_path / "venv"

    python = install.ensure_environment(folder, wanted)

    assert python == folder / "bin" / "python"
    assert "Installing the packages" in capsys.readouterr().out
    install.ensure_environment(folder, wanted)
    assert capsys.readouterr().out == "", "the second start installs nothing and says nothing"
    wanted.write_text("# another nothing\n")
    install.ensure_environment(folder, wanted)
    assert "Installing the packages" in capsys.readouterr().out
    python.unlink()
    python.symlink_to(tmp_path / "a Python that was removed")
    install.ensure_environment(folder, wanted)
    assert "Creating an environment" in capsys.readouterr().out


def test_included_requirements_count(tmp_path):
    requirements(tmp_path, "a==1\n")
    development = tmp_path / "requirements-dev.txt"
    development.write_text("-r requirements.txt\nb==1\n")
    before = install.fingerprint(development)

    requirements(tmp_path, "a==2\n")

    assert install.fingerprint(development) != before


def test_failing_pip_is_told_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    wanted = requirements(tmp_path, "metascope-does-not-exist==1\n")

    with pytest.raises(install.InstallRefused, match="check the network") as refusal:
        install._install(Path(sys.executable), wanted, log=tmp_path / "install.log")

    assert "\n" not in str(refusal.value)
    assert "metascope-does-not-exist" in str(refusal.value)
    assert (tmp_path / "install.log").read_text()


def test_full_disk_is_recognised(tmp_path):
    advice = install._pip_advice("[Errno 28] No space left on device", tmp_path / "install.log")

    assert advice.startswith("the disk is full: free at least")


def test_python_without_venv_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "find_spec", lambda name: None)

    with pytest.raises(install.InstallRefused, match="apt install python3-venv"):
        install.ensure_environment(tmp_path / "venv", requirements(tmp_path))


def test_too_little_room_is_refused_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "FREE_SPACE_NEEDED", 2**60)

    with pytest.raises(install.InstallRefused, match="make room"):
        install.ensure_environment(tmp_path / "venv", requirements(tmp_path))

    assert not (tmp_path / "venv").exists()


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(install.InstallRefused, match="METASCOPE_VENV"):
        install.ensure_environment(tmp_path / "file" / "venv", requirements(tmp_path))
