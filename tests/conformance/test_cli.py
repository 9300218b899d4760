from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import subprocess
import sys

import pytest
from sample_run import sample

from squall_conformance import cli, engine, selftest
from squall_conformance.commands import VERBS, UsageError, arguments, check, doctor
from squall_conformance.commands import selftest as selftest_command
from squall_conformance.registry import load_all
from squall_conformance.report.terminal import EXITS
from squall_loops.contract.rules import AREAS, BY_ID, RULES


def run(*words, **options):
    command = [sys.executable, "-m", "squall_conformance", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture
def squall(capsys):
    """Run a command line in this process; gives exit code, stdout and stderr."""

    def call(*words):
        try:
            code = cli.main(words)
        except SystemExit as exc:
            code = exc.code
        return code, *capsys.readouterr()

    return call


def test_without_a_verb_the_help_is_printed(squall):
    code, out, _ = squall()
    assert code == 0
    assert "squall check" in out
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert all(f"\n  {number}  " in out for number in EXITS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_a_help_of_its_own(squall, verb):
    code, out, _ = squall(verb, "--help")
    assert code == 0
    module = importlib.import_module(f"squall_conformance.commands.{verb}")
    assert out.startswith(f"usage: squall {verb}")
    assert module.__doc__.split(":")[0].split(",")[0][:30] in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "did you mean 'squall check'?"),
        (["frobnicate"], "there are: check, loops"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["check", "--nope"], "unrecognized arguments: --nope"),
        (["check", "-n", "many"], "'many' is not a whole number from 0 on"),
        (["check", "--repeat", "0"], "'0' is not a whole number from 1 on"),
        (["check", "--timeout-scale", "-1"], "'-1' is not a number above 0"),
        (["check", "epoll", "--rule", "ZZ-001"], "no rule matches 'ZZ-001'"),
        (["check", "epoll", "--profile", "nope"], "there is no profile 'nope'; there are: kernel"),
        (["check", "epoll", "--deviations", "/nowhere.toml"], "/nowhere.toml: cannot be read"),
        (["check", "epoll", "--html", "/nowhere/at/all.html"], "there is no directory /nowhere/at"),
        (["check", "epoll", "--json", "/"], "that is a directory"),
        (["check", "epoll", "--badge", __file__], "that is a file; name a directory"),
        (["explain", "FD-10"], "did you mean FD-010"),
        (["explain", "what"], "the areas are: CB (callbacks)"),
        (["list", "nope"], "there is no profile 'nope'"),
        (["repro", "epoll"], "the following arguments are required: RULE_OR_CLAUSE"),
        (["repro", "epoll", "FD-999"], "there is no rule 'FD-999'"),
        (["repro", "epoll", "TM-001/nope"], "there is no clause 'TM-001/nope'; those of TM-001 are: TM-001/none_is_early"),
        (["selftest", "--saboteurs", "/nowhere"], "there is no catalogue.py in it"),
        (["bench"], "the following arguments are required: SUITE"),
        (["bench", "everything"], "invalid choice: 'everything'"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_says_what_would_be_right(squall, words, said):
    code, out, err = squall(*words)
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("text", ["1.5", "-1", "", "٣", "0x10"])
def test_a_count_is_a_plain_whole_number(text):
    with pytest.raises(argparse.ArgumentTypeError):
        arguments.from_zero(text)


@pytest.mark.parametrize("text", ["nan", "inf", "0", "x"])
def test_a_factor_is_a_finite_number_above_0(text):
    with pytest.raises(argparse.ArgumentTypeError):
        arguments.factor(text)
    assert arguments.factor("2.5") == 2.5


def test_loops_lists_every_loop_with_the_reason_where_it_cannot_be_had(squall, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = squall("loops")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert lines["select"].split()[-1] == "yes"
    known = importlib.import_module("squall_loops.availability").known_loops()
    assert {loop.name for loop in known} <= lines.keys()
    for loop in known:
        assert loop.available or "no: " + loop.reason[:8] in lines[loop.name]
    assert max(map(len, out.splitlines())) <= 80


def test_specs_of_loops_are_one_a_line(squall):
    _, out, _ = squall("loops", "--specs")
    assert out.split() == check.available()
    assert "select" in out.split()


def test_explain_of_a_rule_says_all_that_is_known(squall):
    code, out, _ = squall("explain", "fk-001")
    words = " ".join(out.split())
    rule = BY_ID["FK-001"]
    assert code == 0
    for part in (rule.sentence, rule.intent, rule.consequence, *rule.sources, "fork: os.fork exists", "Checked by FK-001/"):
        assert part in words


def test_explain_of_a_clause_is_of_its_rule(squall):
    assert squall("explain", "FD-010/whatever")[1].startswith("FD-010")


def test_explain_without_a_rule_lists_them_all(squall):
    _, out, _ = squall("explain")
    assert all(rule.id in out for rule in RULES)
    _, out, _ = squall("explain", "SG")
    assert "SG-001" in out
    assert "FD-001" not in out
    assert out.startswith(f"SG  {AREAS['SG']}")


def test_list_names_every_clause(squall):
    _, out, _ = squall("list", "--ids")
    assert out.split() == [clause.id for clause in load_all()]
    _, out, _ = squall("list", "kernel")
    assert out.startswith(f"kernel: {len(RULES)} rules, {len(load_all())} clauses")


def test_doctor_tells_the_loop_and_who_chose_it(squall, monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", "select")
    _, out, _ = squall("doctor", "--no-color")
    assert "loop              select (from SQUALL_LOOP), a TurnLoop" in out
    assert "certifi" in out
    assert "open descriptors" in out


def test_doctor_finds_a_loop_that_cannot_be_had_and_says_why(squall, monkeypatch):
    monkeypatch.setenv("SQUALL_LOOP", "no.such.module:factory")
    code, out, _ = squall("doctor", "--no-color")
    assert code == 1
    assert "bad   loop" in out
    assert "no.such.module" in out


def test_doctor_names_the_command_that_installs_what_is_missing(monkeypatch):
    real = doctor.find_spec
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in {"httptools", "uvloop"} else real(name))
    facts = {fact.name: fact for fact in doctor.distributions()}
    assert facts["httptools"].state == "bad"
    assert facts["httptools"].cure.endswith("-m pip install 'httptools'")
    assert facts["uvloop"].state == "note"
    assert facts["uvloop"].cure == f"{sys.executable} -m pip install 'squall[uvloop]'"


def test_doctor_detects_the_dormant_distribution_of_the_same_name(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "packages_distributions", lambda: {"squall": ["python-squall"]})
    (fact,) = doctor.shadows()
    assert fact.state == "bad"
    assert "python-squall" in fact.text
    assert "pip uninstall python-squall" in fact.cure


@pytest.fixture
def judged(monkeypatch):
    """Let ``squall check`` and ``squall repro`` get a run made by hand; gives the arguments of the engine."""
    calls = []

    def fake(specs, options, on_event=None):
        calls.append((list(specs), options))
        report = sample()
        if len(specs) == 1:
            report.targets = report.targets[4:5]
        return report

    monkeypatch.setattr(engine, "run", fake)
    return calls


def test_check_prints_the_matrix_and_exits_as_the_run_did(squall, judged):
    code, out, _ = squall("check", "epoll", "uvloop", "--rule", "fd-010", "-n", "3", "--repeat", "2", "--strict")
    assert code == 1
    assert "verdict" in out
    assert "exit 1" in out
    assert "only some rules were asked for" in out
    ((specs, options),) = judged
    assert specs == ["epoll", "uvloop"]
    assert options.rules == ("FD-010",)
    assert (options.jobs, options.repeat, options.known_deviations) == (3, 2, False)


def test_check_without_targets_takes_every_loop_that_is_here(squall, judged):
    squall("check", "-q")
    assert judged[0][0] == check.available()


def test_check_writes_every_report_that_is_asked_for(squall, judged, tmp_path):
    names = {"json": "r.json", "html": "r.html", "junit": "r.xml", "markdown": "r.md", "picture": "r.svg", "badge": "badges"}
    words = [word for option, name in names.items() for word in (f"--{option}", str(tmp_path / name))]
    code, out, err = squall("check", "--quiet", *words)
    assert (code, out, err) == (1, "", "")
    assert {path.name for path in tmp_path.iterdir()} == set(names.values())
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == "squall/report/1"


def test_check_speaks_ascii_where_the_stream_does_not_know_more(judged, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["check", "epoll", "uvloop"]) == 1
    stream.seek(0)
    assert "contract 1 - profile kernel" in stream.read()


def test_repro_tells_outcome_message_deviation_and_detail(squall, judged):
    code, out, _ = squall("repro", "uvloop", "FD-021", "--no-color")
    assert code == 1
    assert out.startswith("CB-001  MUST")
    assert "uvloop FD-021/holds: xfail" in out
    assert "known deviation: its own poll flips the flag" in out
    assert "  ClauseFailure: no" in out
    assert judged[0][1].clauses
    assert all(clause.startswith("FD-021/") for clause in judged[0][1].clauses)


def test_selftest_finds_the_saboteurs_of_the_repository_from_anywhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (selftest_command.folder_of(None) / "catalogue.py").is_file()


def test_selftest_says_clearly_that_an_installed_squall_has_no_saboteurs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selftest_command, "__file__", str(tmp_path / "selftest.py"))
    with pytest.raises(UsageError, match="installed without its tests"):
        selftest_command.folder_of(None)


def test_selftest_hands_its_options_on_and_lists_the_problems(squall, monkeypatch):
    seen = []

    def fake(folder, options, on_event):
        seen.append((folder, options))
        on_event(selftest.Step("caught", "Somebody escapes", False, 1, 2))
        return selftest.Report(saboteurs=2, clauses=3, cells=4, problems=["Somebody escapes"])

    monkeypatch.setattr(selftest, "run", fake)
    code, out, err = squall("selftest", "--repeats", "7", "--only", "Somebody", "--update", "--no-color")
    assert code == 1
    assert "0 of 2 saboteurs caught" in out
    assert "problem: Somebody escapes" in out
    assert "caught 1 of 2  Somebody escapes" in err
    assert (seen[0][1].repeats, seen[0][1].saboteurs, seen[0][1].update) == (7, ("Somebody",), True)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["loops"]])
def test_help_and_loops_are_instant_and_import_no_loop(words):
    done = run(*words)
    assert done.returncode == 0
    before = os.times()
    for _ in range(5):
        run(*words)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent / 5 < 0.2  # of the CPU, so that neighbours do not count; alone it is 60 and 130 ms by the wall's clock
    listed = run(*words, env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}).stderr
    imported = {line.rpartition("|")[2].strip() for line in listed.splitlines()}
    assert "argparse" in imported
    assert not {"rich", "twisted", "uvloop", "asyncio", "squall", "squall_conformance.engine"} & imported


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_traceback():
    command = f"'{sys.executable}' -m squall_conformance list | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("kernel:")
    assert done.returncode in {0, 141}


@pytest.mark.slow
def test_a_real_run_of_one_rule_ends_with_0(tmp_path):
    file = tmp_path / "report.json"
    done = run("check", "select", "--rule", "CB-001", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    (target,) = json.loads(file.read_text())["targets"]
    assert {result["outcome"] for result in target["results"]} == {"pass"}


@pytest.mark.slow
def test_a_target_that_cannot_be_had_ends_with_3():
    done = run("check", "no.such.module:factory", "--rule", "CB-001")
    assert done.returncode == 3
    assert "not judged" in done.stdout
