"""ci/run.py: a fresh machine with nothing but Python gets an environment, or a sentence that says what to do."""

from __future__ import annotations

import functools
import hashlib
import http.server
import importlib.util
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "ci" / "run.py"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing: the test's own output is enough."""


@pytest.fixture
def run():
    spec = importlib.util.spec_from_file_location("squall_ci_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def commands(run, monkeypatch):
    """Record the commands of the set-up instead of running them."""
    seen = []
    monkeypatch.setattr(run, "call", lambda command, **_: seen.append([str(word) for word in command]) or 0)
    return seen


@pytest.fixture
def index(tmp_path):
    """Serve a package index on loopback that offers several releases of pip, ordered as text."""
    (tmp_path / "pip").mkdir()
    files = []
    for release in (
        "26.10-py3-none-any.whl",
        "26.2-py3-none-any.whl",
        "27.0rc1-py3-none-any.whl",
        "9.0.3-py2.py3-none-any.whl",
    ):
        name, body = f"pip-{release}", release.encode()
        (tmp_path / "pip" / name).write_bytes(body)
        files.append({"filename": name, "url": name, "hashes": {"sha256": hashlib.sha256(body).hexdigest()}})
    page = tmp_path / "pip" / "index.html"
    page.write_text(json.dumps({"files": files}))
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", page
        server.shutdown()
        thread.join()


def test_the_environment_is_made_without_pip_where_ensurepip_is_missing(run, commands, monkeypatch, tmp_path):
    monkeypatch.setattr(run.shutil, "which", lambda _: None)
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    run.make_venv(tmp_path / "venv")
    assert commands == [[sys.executable, "-m", "venv", "--without-pip", "--clear", str(tmp_path / "venv")]]


def test_uv_makes_the_environment_where_it_is_installed(run, commands, monkeypatch, tmp_path):
    monkeypatch.setattr(run.shutil, "which", lambda name: f"/bin/{name}")
    run.make_venv(tmp_path / "venv")
    assert commands[0][:2] == ["uv", "venv"]
    assert run.installer(tmp_path / "venv")[:3] == ["uv", "pip", "install"]


def test_the_interpreters_own_pip_serves_an_environment_without_one(run, monkeypatch, tmp_path):
    monkeypatch.setattr(run.shutil, "which", lambda _: None)
    monkeypatch.setattr(run, "_has_pip", lambda python: python == Path(sys.executable))
    command = [str(word) for word in run.installer(tmp_path / "venv")]
    assert command[:5] == [sys.executable, "-m", "pip", "--python", str(run.venv_python(tmp_path / "venv"))]


def test_the_newest_pip_is_fetched_where_there_is_none(run, index, tmp_path):
    url, _ = index
    assert run.fetch_pip(tmp_path, url).parent.read_bytes() == b"26.10-py3-none-any.whl"


def test_a_wheel_that_is_not_what_the_index_promised_is_never_run(run, index, tmp_path):
    url, page = index
    page.write_text(page.read_text().replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(run.Failure, match="SHA-256 differs"):
        run.fetch_pip(tmp_path, url)


def test_an_index_that_does_not_answer_ends_in_advice(run, tmp_path):
    with pytest.raises(run.Failure, match="python3-venv"):
        run.fetch_pip(tmp_path, "http://127.0.0.1:1/simple")


def test_a_failing_installation_is_explained_and_leaves_no_stamp(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run, "call", lambda *_, **__: 1)
    assert run.main(["--venv", str(tmp_path / "venv"), "test"]) == 2
    assert "exit code 1" in capsys.readouterr().err
    assert not (tmp_path / "venv" / "squall-stamp").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(run, commands, tmp_path):
    python = run.venv_python(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "squall-stamp").write_text(run.fingerprint(run.EXTRAS))
    assert run.ensure(tmp_path) == python
    assert commands == []


def test_other_extras_mean_another_environment(run):
    assert run.fingerprint("check") != run.fingerprint("check,dev")


def test_an_old_python_is_told_what_is_needed(run, monkeypatch, capsys):
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 0))
    assert run.main(["test"]) == 2
    assert "3.11 or later" in capsys.readouterr().err


def test_help_lists_every_command_with_what_it_does(run):
    done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert all(f"  {name}" in done.stdout for name in run.COMMANDS)
