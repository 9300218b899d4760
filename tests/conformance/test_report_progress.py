from __future__ import annotations

import io

import pytest
from sample_run import sample

from squall_conformance import engine
from squall_conformance.report import progress
from squall_conformance.report.style import Paint

RUN = sample()


def events():
    results = [result for target in RUN.targets for result in target.results]
    yield engine.RunStarted(len(results), tuple(target.spec for target in RUN.targets if not target.start_error))
    yield engine.TargetStarted("epoll", "epoll", "", ())
    yield engine.TargetFailed("uvloop", "uvloop", "it is\x1b[2J broken")
    for done, result in enumerate(results, 1):
        yield engine.ClauseFinished(result, done, len(results))
    yield engine.RunFinished(RUN)


def test_plain_lines_give_the_first_result_at_once_then_findings_and_tenths():
    stream = io.StringIO()
    show = progress.Lines(stream, Paint(enabled=False))
    for event in events():
        show(event)
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [
        "1269 results to come from 9 loops",
        "uvloop cannot be judged: it is [2J broken",
        "first: epoll CB-001/holds pass",
    ]
    assert "crash  strange.package:make_loop  FD-020/holds  killed by SIGSEGV" in lines
    assert lines[-1] == "1269 of 1269"
    assert 10 <= sum(" of 1269" in line for line in lines) <= 12


def test_a_terminal_without_rich_has_one_living_line_and_findings_above_it():
    stream = io.StringIO()
    with progress.LivingLine(stream, Paint(enabled=False)) as show:
        for event in events():
            show(event)
    text = stream.getvalue()
    assert "\r\x1b[Kcrash  strange.package:make_loop  FD-020/holds  killed by SIGSEGV\n" in text
    assert text.count("\n") == 1 + 8
    assert text.endswith("\r\x1b[K")
    assert "\x1b[2J" not in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_rich_draws_a_bar_for_each_target(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress.watcher(quiet=False, no_color=False) as show:
        for event in events():
            show(event)
    assert isinstance(show.__self__, progress.Bars)
    text = stream.getvalue()
    assert "killed by SIGSEGV" in text
    assert "twisted:asyncio" in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize(("terminal", "rich", "expected"), [(False, True, progress.Lines), (True, False, progress.LivingLine)])
def test_the_way_to_show_depends_on_the_terminal_and_on_rich(monkeypatch, terminal, rich, expected):
    monkeypatch.setattr("sys.stderr", Terminal() if terminal else io.StringIO())
    monkeypatch.setattr(progress, "find_spec", lambda _name: object() if rich else None)
    with progress.watcher(quiet=False, no_color=True) as show:
        assert isinstance(getattr(show, "__self__", show), expected)


def test_quiet_is_quiet(capsys):
    with progress.watcher(quiet=True, no_color=False) as show:
        for event in events():
            show(event)
    assert capsys.readouterr() == ("", "")
