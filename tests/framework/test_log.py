"""squall.log: the formatter, its colours, and logging set up from options."""

from __future__ import annotations

import io
import logging
import logging.config
import logging.handlers
import sys
from types import SimpleNamespace

import pytest

from squall import log


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    _stderr_is(Terminal(), monkeypatch)


def _stderr_is(stream, monkeypatch):
    # The test runner puts its own stream in the place of sys.stderr before every phase of a test.
    monkeypatch.setattr(log, "sys", SimpleNamespace(stderr=stream, platform=sys.platform))


def record(message="said", *args, level=logging.ERROR, **attributes):
    made = logging.LogRecord("squall.general", level, "room.py", 12, message, args, None)
    made.__dict__.update(attributes)
    return made


def test_the_prefix_has_the_level_the_date_and_the_place():
    text = log.LogFormatter(False).format(record("hello %s", "you", created=0.0))
    assert text.endswith(" room:12] hello you")
    assert text.startswith("[E ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows consoles need colorama")
def test_on_a_terminal_the_prefix_is_coloured_by_level(terminal):
    text = log.LogFormatter(True).format(record())
    assert text.startswith("\x1b[31m[E ")
    assert text.endswith("]\x1b[0m said")
    assert log.LogFormatter(True, colors={logging.ERROR: 6}).format(record()).startswith("\x1b[36m")


def test_a_level_without_a_colour_is_plain(terminal):
    assert "\x1b" not in log.LogFormatter(True).format(record(level=15))


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_can_forbid_colours(terminal, monkeypatch, variable):
    monkeypatch.setenv(*variable)
    assert "\x1b" not in log.LogFormatter(True).format(record())


def test_there_are_no_colours_without_a_terminal(monkeypatch):
    _stderr_is(io.StringIO(), monkeypatch)
    assert "\x1b" not in log.LogFormatter(True).format(record())
    _stderr_is(None, monkeypatch)
    assert "\x1b" not in log.LogFormatter(True).format(record())


def test_a_line_break_in_a_message_cannot_forge_a_record():
    assert "\n    [E forged]" in log.LogFormatter(False).format(record("a\n[E forged]"))


def test_bytes_are_shown_as_text_and_bad_ones_escaped():
    assert (
        log.LogFormatter(False, "%(message)s").format(record("caf\u00e9 \udcff".encode("utf-8", "surrogateescape")))
        == r"café \xff"
    )


def test_a_message_that_does_not_fit_its_arguments_is_reported_and_not_raised():
    text = log.LogFormatter(False).format(record("%d", "no number"))
    assert "Bad message (TypeError(" in text


def test_the_traceback_follows_indented():
    try:
        {}["inner"]
    except KeyError:
        text = log.LogFormatter(False, "%(message)s").format(record(exc_info=sys.exc_info()))
    lines = text.split("\n")
    assert lines[0] == "said"
    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[-1] == "    KeyError: 'inner'"


@pytest.mark.parametrize(("style", "fmt"), [("%", "<%(message)s>"), ("{", "<{message}>"), ("$", "<$message>")])
def test_the_formats_of_all_styles_work_by_name_and_in_the_order_of_logging(style, fmt):
    assert log.LogFormatter(fmt=fmt, style=style).format(record()) == "<said>"
    assert log.LogFormatter(fmt, None, style).format(record()) == "<said>"


def test_a_wrong_style_is_refused():
    with pytest.raises(ValueError, match="style must be one of"):
        log.LogFormatter(style="?")


def test_logging_config_can_make_the_formatter_by_its_class_name():
    formatters = {
        "plain": {"class": "squall.log.LogFormatter", "format": "%(asctime)s %(message)s", "datefmt": "the date"},
        "default": {"class": "squall.log.LogFormatter"},
    }
    handlers = {name: {"class": "logging.StreamHandler", "formatter": name} for name in formatters}
    logger = {"handlers": list(handlers), "propagate": False}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": formatters,
            "handlers": handlers,
            "loggers": {"squall.test": logger},
        }
    )
    plain, default = logging.getLogger("squall.test").handlers
    assert plain.format(record()) == "the date said"
    assert default.format(record()).endswith("room:12] said")
    logging.getLogger("squall.test").handlers.clear()


def test_what_logging_config_passes_besides_is_understood():
    with pytest.raises(ValueError, match=r"[Ii]nvalid format"):
        log.LogFormatter("no field at all", None, "%", True)
    assert log.LogFormatter("no field at all", None, "%", False).format(record()) == "no field at all"
    assert log.LogFormatter("%(request)s", None, "%", True, defaults={"request": "-"}).format(record()) == "-"


def options(**given):
    defined = Defined()
    log.define_logging_options(defined)
    return SimpleNamespace(**{**defined.defaults, **given})


class Defined:
    """An options object as far as the module asks for one."""

    def __init__(self):
        self.defaults = {}
        self.callbacks = []

    def define(self, name, default=None, type=None, help=None, metavar=None):  # noqa: A002 - the names that Tornado's options have
        assert help
        self.defaults[name] = default

    def add_parse_callback(self, callback):
        self.callbacks.append(callback)


@pytest.fixture
def logger():
    made = logging.Logger("fresh")  # noqa: LOG001 - it shall not stay in the registry
    yield made
    for handler in made.handlers:
        handler.close()


def test_by_default_a_fresh_logger_gets_stderr_at_level_info(logger):
    log.enable_pretty_logging(options(), logger)
    assert logger.level == logging.INFO
    assert [type(handler) for handler in logger.handlers] == [logging.StreamHandler]
    assert isinstance(logger.handlers[0].formatter, log.LogFormatter)


def test_level_none_leaves_logging_alone(logger):
    log.enable_pretty_logging(options(logging="none"), logger)
    assert (logger.level, logger.handlers) == (logging.NOTSET, [])


def test_a_log_file_takes_the_place_of_stderr_and_has_no_colours(logger, tmp_path, terminal):
    log.enable_pretty_logging(options(log_file_prefix=str(tmp_path / "out.log"), log_file_max_size=123), logger)
    (handler,) = logger.handlers
    assert isinstance(handler, logging.handlers.RotatingFileHandler)
    assert handler.maxBytes == 123
    logger.error("written")
    assert (tmp_path / "out.log").read_text(encoding="utf-8").endswith("] written\n")


def test_a_log_file_can_be_rotated_by_time_beside_stderr(logger, tmp_path):
    given = options(log_file_prefix=str(tmp_path / "out.log"), log_rotate_mode="time", log_to_stderr=True)
    log.enable_pretty_logging(given, logger)
    assert [type(handler) for handler in logger.handlers] == [logging.handlers.TimedRotatingFileHandler, logging.StreamHandler]


def test_a_wrong_rotate_mode_is_refused(logger, tmp_path):
    with pytest.raises(ValueError, match="log_rotate_mode"):
        log.enable_pretty_logging(options(log_file_prefix=str(tmp_path / "x"), log_rotate_mode="moon"), logger)


def test_parsing_the_command_line_applies_the_options(monkeypatch):
    defined = Defined()
    log.define_logging_options(defined)
    seen = []
    monkeypatch.setattr(log, "enable_pretty_logging", seen.append)
    defined.callbacks[0]()
    assert seen == [defined]


def test_without_options_both_functions_say_what_is_missing():
    with pytest.raises(RuntimeError, match="needs an options object"):
        log.enable_pretty_logging()
    with pytest.raises(RuntimeError, match="needs an options object"):
        log.define_logging_options()
