"""A run of the bench: rounds in turns, medians, and crashes that are lines and not the end."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from squall_conformance import bench
from squall_conformance.bench import environment, progress, sections, session, table
from squall_conformance.bench.figures import Figure, as_data, ratio
from squall_conformance.bench.line import Memory, Rate

EFFORT = session.Effort(rounds=3, seconds=0.01, share=0.1)
FAST = Rate("fast", "things done", repeated=None, first=1)
HEAVY = Memory("heavy", "memory per thing", counted=None, count=1)
SECTION = sections.Section(
    title="Things",
    legend="1.00 is base.",
    lines=(FAST, HEAVY),
    subjects=(sections.Subject("ours", "ours"), sections.Subject("base", "the base")),
    baseline="base",
)


def scripted(answers):
    """Measure from a script: a list of figures for each line and subject, one for each round."""
    asked = []

    def measure(line, subject, effort):
        asked.append((line, subject))
        return answers[line, subject].pop(0)

    return measure, asked


def values(*numbers):
    return [Figure([number]) for number in numbers]


def complete():
    return {
        ("fast", "ours"): values(2e6, 9e6, 1e6),
        ("fast", "base"): values(1e6, 1e6, 5e5),
        ("heavy", "ours"): values(300, 300, 300),
        ("heavy", "base"): values(200, 200, 200),
    }


def test_the_median_of_the_rounds_counts_and_the_baseline_is_one():
    measure, _ = scripted(complete())
    figures = session.measure_all([SECTION], EFFORT, lambda what: None, measure)
    assert figures["fast", "ours"].value == 2e6
    assert ratio(SECTION, FAST, SECTION.subjects[0], figures) == 2.0
    assert ratio(SECTION, FAST, SECTION.subjects[1], figures) == 1.0
    assert session.verdict(figures) == 0


def test_those_that_are_compared_are_measured_one_after_the_other_in_each_round():
    measure, asked = scripted(complete())
    told = []
    session.measure_all([SECTION], EFFORT, told.append, measure)
    one_round = [("fast", "ours"), ("fast", "base"), ("heavy", "ours"), ("heavy", "base")]
    assert asked == one_round * 3
    assert told[0] == "things done: ours"


def test_a_crash_is_a_line_and_not_the_end():
    answers = complete()
    answers["fast", "ours"] = [Figure([2e6]), Figure(failure="crash: killed by signal 11: nothing was printed")]
    measure, asked = scripted(answers)
    figures = session.measure_all([SECTION], EFFORT, lambda what: None, measure)
    assert figures["fast", "ours"].value is None
    assert asked.count(("fast", "ours")) == 2, "it is not tried again"
    assert session.verdict(figures) == 1
    text = table.plain(SECTION, figures)
    assert "CRASH" in text
    assert "1.00 M/s  1.00" in text


def test_what_is_unavailable_is_no_failure_but_nothing_at_all_is_its_own_verdict():
    answers = {key: [Figure(unavailable="not installed")] for key in complete()}
    measure, _ = scripted(answers)
    figures = session.measure_all([SECTION], EFFORT, lambda what: None, measure)
    assert session.verdict(figures) == 5
    assert next(table._notes([SECTION], figures)) == "things done, ours: not installed"


def test_the_table_shows_figures_and_ratios():
    measure, _ = scripted(complete())
    figures = session.measure_all([SECTION], EFFORT, lambda what: None, measure)
    assert table.plain(SECTION, figures) == (
        "\nThings\n1.00 is base.\n\n"
        "                            ours        the base\n"
        "things done       2.00 M/s  2.00  1.00 M/s  1.00\n"
        "memory per thing     300 B  1.50     200 B  1.00\n"
    )


def test_the_drawn_table_says_the_same(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    measure, _ = scripted(complete())
    figures = session.measure_all([SECTION], EFFORT, lambda what: None, measure)
    table._draw(SECTION, figures)
    text = capsys.readouterr().out
    assert "2.00 M/s  2.00" in text
    assert "\x1b[3" not in text
    assert table._style(SECTION, FAST, SECTION.subjects[0], figures) == "green"
    assert table._style(SECTION, HEAVY, SECTION.subjects[0], figures) == "red", "more memory is no advantage"


@pytest.mark.parametrize(
    ("value", "text"), [(1_234_567, "1.23 M/s"), (45_600, "45.6 k/s"), (123_456, "123 k/s"), (789.4, "789 /s")]
)
def test_figures_are_short_enough_to_read(value, text):
    assert table.human(value, "/s") == text


def test_json_has_every_round_and_every_reason():
    answers = complete()
    answers["heavy", "ours"] = [Figure(unavailable="no memory")]
    measure, _ = scripted(answers)
    data = as_data(SECTION, session.measure_all([SECTION], EFFORT, lambda what: None, measure))
    assert json.loads(json.dumps(data)) == data
    fast, heavy = data["lines"]
    assert fast["results"][0] == {"subject": "ours", "value": 2e6, "ratio": 2.0, "rounds": [2e6, 9e6, 1e6]}
    assert heavy["results"][0] == {"subject": "ours", "rounds": [], "unavailable": "no memory"}


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import os; os.abort()", "crash: killed by signal 6: nothing was printed"),
        ("raise RuntimeError('broken loop')", "crash: exit code 1: RuntimeError: broken loop"),
        ("import os; print('mine'); os._exit(0)", "crash: exit code 0: nothing was printed"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that end a process")
def test_a_process_that_ends_without_a_result_is_a_crash_with_its_cause(monkeypatch, code, failure):
    run = session.subprocess.run
    monkeypatch.setattr(session.subprocess, "run", lambda command, **options: run([sys.executable, "-c", code], **options))
    assert session.measure_in_process("callbacks", "auto", EFFORT).failure == failure


def test_a_process_that_does_not_end_is_a_hang(monkeypatch):
    monkeypatch.setattr(session, "HANG", 0.05)
    run = session.subprocess.run
    code = "import time; time.sleep(60)"
    monkeypatch.setattr(session.subprocess, "run", lambda command, **options: run([sys.executable, "-c", code], **options))
    assert session.measure_in_process("callbacks", "auto", EFFORT).failure.startswith("hang: no result")


@pytest.mark.slow
def test_one_real_measurement_in_a_process_of_its_own():
    assert session.measure_in_process("callbacks", "auto", EFFORT).value > 0
    reason = session.measure_in_process("events-10", "no_such_module:loop", EFFORT).failure
    assert reason.startswith("crash: SpecError: ")
    assert "no_such_module" in reason


def test_what_a_loop_prints_does_not_disturb(monkeypatch):
    done = SimpleNamespace(stdout='hello\nsquall-bench-result {"value": 5.0}\nbye\n', stderr="", returncode=0)
    monkeypatch.setattr(session.subprocess, "run", lambda command, **options: done)
    assert session.measure_in_process("callbacks", "auto", EFFORT).values == [5.0]


def test_wrong_suites_and_specs_are_usage_errors(capsys):
    assert bench.run("http") == 2
    assert "no suite 'http'" in capsys.readouterr().err
    assert bench.run("loop", ["no_such_loop"]) == 2
    assert "no_such_loop" in capsys.readouterr().err


def test_a_whole_run_prints_its_tables_and_writes_its_file(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(session, "measure_in_process", lambda line, subject, effort: Figure([1000.0]))
    assert bench.run("loop", ["auto"], quick=True, json_path=tmp_path / "bench.json") == 0
    text = capsys.readouterr().out
    assert "events, 10,000 descriptors" in text
    assert "A ratio of 1.00 is asyncio's own selector loop" in text
    document = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert document["environment"]["python"]
    assert [one["baseline"] for one in document["sections"]] == ["raw:asyncio", "pytask:asyncio"]
    subjects = [result["subject"] for result in document["sections"][0]["lines"][0]["results"]]
    assert subjects == ["auto", "raw:asyncio", "raw:uvloop"]


def test_without_specs_all_our_own_loops_are_measured():
    loops, coroutines = sections.sections([])
    names = [subject.name for subject in loops.subjects]
    assert "select" in names
    assert names[-2:] == ["raw:asyncio", "raw:uvloop"]
    assert coroutines.subjects[0].name == f"native:{names[0]}"


def test_our_adapter_over_asyncio_is_not_confused_with_asyncio():
    loops, _ = sections.sections(["asyncio"])
    assert [subject.heading for subject in loops.subjects] == ["squall on asyncio", "asyncio", "uvloop"]


def test_the_environment_is_json():
    around = environment.environment()
    assert json.loads(json.dumps(around)) == around
    assert around["squall"]


def test_progress_is_shown_on_terminals_only(monkeypatch):
    for is_terminal in (True, False):
        stream = io.StringIO()
        stream.isatty = lambda is_terminal=is_terminal: is_terminal
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
        with progress.Progress(total=2) as shown:
            shown.step("callbacks: epoll")
        assert ("[1/2] callbacks: epoll" in stream.getvalue()) is is_terminal
        assert stream.getvalue() == "" or stream.getvalue().endswith("\r"), "the line is wiped"
