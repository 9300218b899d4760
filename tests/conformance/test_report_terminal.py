from __future__ import annotations

import io
import re

import pytest
from sample_run import NASTY, sample

from squall_conformance.outcome import Outcome
from squall_conformance.report import style, terminal, view
from squall_conformance.report.style import Paint

PLAIN = Paint(enabled=False)
RUN = sample()


def text(width=120, run=RUN):
    return terminal.render(run, PLAIN, width)


def rows_of(name, width=120):
    return [line.split() for line in text(width).splitlines() if line.startswith(name + " ")]


def test_each_target_is_a_row_with_its_verdict_and_a_count_for_each_area():
    (row,) = rows_of("epoll")
    assert row == ["epoll", "conformant", "12", "22", "38", "10", "11", "15", "9", "5", "5", "14"]


def test_an_area_that_did_not_pass_whole_shows_how_many_did():
    (row,) = rows_of("uvloop")
    assert row[1:5] == ["partial", "11/12", "22", "37/38"]
    assert row[-2] == "4/5"


def test_what_was_not_run_is_in_no_denominator_of_the_matrix():
    grid = view.by_area(RUN.targets[8])
    assert view.tally(grid["SG"]).executed == len(grid["SG"]) - 2
    assert view.tally(grid["CX"]).executed == len(grid["CX"]) - 1


def test_a_target_that_does_not_start_is_a_row_with_the_reason():
    assert "not judged" in text()
    assert "not judged: ZeroDivisionError: division by zero" in text()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_matrix_keeps_to_the_width_and_shows_every_area_once(width):
    blocks = list(terminal.matrix(RUN, PLAIN, width))
    lines = "\n".join(blocks[:-1]).splitlines()
    assert max(map(len, lines)) <= max(width, 76)  # the row of the start error may be longer than the columns
    heads = [word for line in lines if "verdict" in line for word in line.split()[1:]]
    assert heads == view.area_ids(RUN)


def test_each_finding_says_rule_level_consequence_message_and_command():
    report = text()
    start = report.index("TM-004 SHOULD Timers with equal deadlines")
    part = report[start : start + 400]
    assert "Who breaks: Periodic work" in part
    assert "fail  equal deadlines ran as [2, 1]" in part
    assert "squall repro strange.package:make_loop TM-004/holds" in part


def test_only_unexpected_outcomes_are_findings():
    found = {result.outcome for _, result in view.unexpected(RUN)}
    expected = {"fail", "crash", "hang", "leak", "flaky", "xpass"}
    assert {outcome.value for outcome in found} == expected


def test_known_deviations_and_what_the_control_failed_are_listed_apart():
    report = text()
    assert "uvloop 0.22.1  FD-021/holds  its own poll flips the flag" in report
    assert "Failed on the control loop too" in report


def test_the_denominators_are_whole():
    line = terminal.denominators(RUN.targets[8])
    assert line == "MUST 125/134 · SHOULD 6/7 · 138 of 141 clauses ran, 1 unsupported, 1 untestable, 1 not run"


def test_a_loops_message_cannot_drive_the_terminal():
    assert "\x1b" not in text()
    assert "\x00" not in text()
    assert terminal.plain(NASTY).startswith("<script>")


def test_colour_changes_no_word():
    coloured = terminal.render(RUN, Paint(enabled=True), 120)
    assert coloured != text()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text()


def test_the_end_says_what_the_exit_code_means_and_the_notes():
    assert text().endswith(
        "note: deviation FD-099 of uvloop matches no clause\nexit 1: something came out otherwise than expected\n"
    )


def test_a_run_without_targets_is_still_told():
    run = sample()
    run.targets = []
    run.exit_code = 5
    assert "exit 5: nothing ran" in text(run=run)


def test_the_worst_outcome_stands_for_a_rule_and_a_pass_beats_what_was_unsupported():
    one, two = RUN.targets[0].results[:2]
    one, two = one.__class__(**vars_of(one)), two.__class__(**vars_of(two))
    one.outcome = Outcome.UNSUPPORTED
    assert view.worst([one, two]) is Outcome.PASS
    two.outcome = Outcome.HANG
    assert view.worst([one, two]) is Outcome.HANG
    assert view.worst([]) is Outcome.NOTRUN


def vars_of(result):
    return {name: getattr(result, name) for name in result.__slots__}


def test_every_outcome_has_a_place_a_style_and_a_meaning():
    assert set(view.SEVERITY) == set(Outcome)
    assert set(style.STYLES) == set(Outcome)
    assert set(view.MEANINGS) == set(Outcome)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "stream", "forbidden", "expected"),
    [
        ({}, Terminal(), False, True),
        ({}, io.StringIO(), False, False),
        ({"NO_COLOR": "1"}, Terminal(), False, False),
        ({"NO_COLOR": ""}, Terminal(), False, True),
        ({"FORCE_COLOR": "1"}, io.StringIO(), False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, io.StringIO(), False, False),
        ({"FORCE_COLOR": "1"}, Terminal(), True, False),
        ({"TERM": "dumb"}, Terminal(), False, False),
    ],
)
def test_colour_obeys_the_option_then_no_color_then_force_color_then_the_terminal(
    monkeypatch, environment, stream, forbidden, expected
):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert style.wants_colour(stream, forbidden=forbidden) is expected


def test_a_target_that_was_given_up_is_not_told_clause_by_clause():
    run = sample()
    run.targets[8].start_error = "hangs in each of the first 3 clauses"
    assert {target.spec for target, _ in view.unexpected(run)} == {"uvloop"}
    assert "strange.package:make_loop  not judged  hangs in each" in terminal.render(run, PLAIN, 120)


def test_a_rate_is_told_only_where_runs_differ():
    (flaky,) = [result for result in RUN.targets[4].results if result.outcome is Outcome.FLAKY]
    assert view.rate(flaky) == "3/10"
    flaky = flaky.__class__(**vars_of(flaky))
    flaky.bad_runs = 10
    assert view.rate(flaky) == ""


def test_a_label_has_the_version_of_the_loop_and_not_that_of_the_kernel():
    target = sample().targets[4]
    assert view.label(target) == "uvloop 0.22.1"
    target.version = "Linux 6.1"
    assert view.label(target) == "uvloop"
