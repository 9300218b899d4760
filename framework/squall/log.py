"""The framework's loggers, and a formatter that colours levels on terminals.

``squall.access`` has one record per request, ``squall.application`` what user code raised, ``squall.general`` everything
else that the framework has to say. They are ordinary loggers: configure them as any other, or call
:func:`enable_pretty_logging`.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Final

colorama: Any
try:
    import colorama  # type: ignore[import-untyped, unused-ignore, no-redef] # optional, without annotations
except ImportError:
    colorama = None

curses: Final = None
"""Tornado's optional import, kept as a name: colours here are ANSI sequences (ECMA-48) and need no terminal database."""

access_log = logging.getLogger("squall.access")
app_log = logging.getLogger("squall.application")
gen_log = logging.getLogger("squall.general")

_RESET: Final = "\x1b[0m"
_STYLES: Final[Mapping[str | None, type[logging.PercentStyle]]] = {
    "%": logging.PercentStyle,
    "{": logging.StrFormatStyle,
    "$": logging.StringTemplateStyle,
}
_BLUE, _GREEN, _YELLOW, _RED, _MAGENTA = 4, 2, 3, 1, 5  # ECMA-48, select graphic rendition: 30 + n


def _terminal_shows_colour() -> bool:
    """Say whether stderr is a terminal that takes colours, and nobody has asked for none (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    # On old Windows consoles colorama's wrapping of stderr translates the sequences; without it they would be printed.
    return sys.platform != "win32" or getattr(getattr(colorama, "initialise", None), "wrapped_stderr", None) is not None


class LogFormatter(logging.Formatter):
    """One line per record, with a prefix coloured by level; line breaks inside a message are indented.

    The arguments are Tornado 4.0's, in its order; called with a format text first, as ``logging.config`` calls every
    formatter class, it takes ``(fmt, datefmt, style, validate)``.

    ``color``: colour the prefix if stderr is a terminal and neither ``NO_COLOR`` nor ``TERM=dumb`` is set.
    ``fmt``: the format, in which ``%(color)s`` and ``%(end_color)s`` enclose what is coloured.
    ``datefmt``: for ``time.strftime``. ``colors``: level to colour number (0 black, 1 red, ... 7 white).
    ``style``: the style of ``fmt``, as for ``logging.Formatter``; ValueError when ``fmt`` does not fit it and
    ``validate`` is true. ``defaults``: values for names in ``fmt`` that a record does not have.
    """

    DEFAULT_FORMAT: ClassVar[str] = "%(color)s[%(levelname)1.1s %(asctime)s %(module)s:%(lineno)d]%(end_color)s %(message)s"
    DEFAULT_DATE_FORMAT: ClassVar[str] = "%y%m%d %H:%M:%S"
    DEFAULT_COLORS: ClassVar[Mapping[int, int]] = {
        logging.DEBUG: _BLUE,
        logging.INFO: _GREEN,
        logging.WARNING: _YELLOW,
        logging.ERROR: _RED,
        logging.CRITICAL: _MAGENTA,
    }

    def __init__(  # noqa: PLR0913, PLR0917 - the parameters of Tornado and of logging
        self,
        color: Any = True,  # noqa: FBT002 - Tornado's signature
        fmt: str | None = DEFAULT_FORMAT,
        datefmt: str | None = DEFAULT_DATE_FORMAT,
        colors: Any = DEFAULT_COLORS,
        style: str | None = "%",
        validate: bool = True,  # noqa: FBT001, FBT002 - logging's signature
        *,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(color, str) or (color is None and datefmt in _STYLES):
            # logging's own order: each argument stands one place before the parameter that it is for.
            given_datefmt = None if fmt is self.DEFAULT_FORMAT else fmt
            color, fmt, datefmt, style = True, color, given_datefmt, datefmt if datefmt in _STYLES else style
            if isinstance(colors, bool):
                colors, validate = self.DEFAULT_COLORS, colors
        super().__init__(datefmt=datefmt or self.DEFAULT_DATE_FORMAT)
        self._fmt = fmt or self.DEFAULT_FORMAT
        if style not in _STYLES:
            raise ValueError(f"style must be one of %, {{ and $, not {style!r}")
        self._style = _STYLES[style](self._fmt, defaults=defaults)
        if validate:
            self._style.validate()
        self._colors = {level: f"\x1b[3{code}m" for level, code in colors.items()} if color and _terminal_shows_colour() else {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; a message that cannot be built is reported in its place, never raised."""
        record.message = _message(record)
        record.asctime = self.formatTime(record, self.datefmt)
        colour = self._colors.get(record.levelno, "")
        record.__dict__.update(color=colour, end_color=_RESET if colour else "")
        text = self._style.format(record)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        lines = [text.rstrip()]
        if record.exc_text:
            lines.extend(record.exc_text.split("\n"))
        if record.stack_info:
            lines.append(self.formatStack(record.stack_info))
        return "\n".join(lines).replace("\n", "\n    ")


def _message(record: logging.LogRecord) -> str:
    """Build the message; bytes are shown as text where they are UTF-8, since much of what a server logs arrives as bytes."""
    try:
        if isinstance(record.msg, bytes) and not record.args:
            return record.msg.decode("utf-8", "backslashreplace")
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a log call must not raise into the code that it reports on
        return f"Bad message ({error!r}): {record.__dict__!r}"


def enable_pretty_logging(options: Any = None, logger: logging.Logger | None = None) -> None:
    """Set up ``logger`` (the root logger by default) as an options object says, with :class:`LogFormatter`.

    ``options`` is any object with the attributes that :func:`define_logging_options` defines. It has to be given: the
    module with the program's global options is not part of this version of Squall, and RuntimeError says so when
    ``options`` is None. Raises ValueError for an unknown ``log_rotate_mode`` or level.

    A ``logging`` option of ``none`` leaves everything alone.
    """
    options = _given(options, "enable_pretty_logging")
    if options.logging is None or options.logging.lower() == "none":
        return
    if logger is None:
        logger = logging.getLogger()
    logger.setLevel(options.logging.upper())
    if options.log_file_prefix:
        handler = _file_handler(options)
        handler.setFormatter(LogFormatter(color=False))
        logger.addHandler(handler)
    if options.log_to_stderr or (options.log_to_stderr is None and not logger.handlers):
        stream = logging.StreamHandler()
        stream.setFormatter(LogFormatter())
        logger.addHandler(stream)


def _file_handler(options: Any) -> logging.Handler:
    mode = options.log_rotate_mode
    if mode == "size":
        return logging.handlers.RotatingFileHandler(
            options.log_file_prefix,
            maxBytes=options.log_file_max_size,
            backupCount=options.log_file_num_backups,
            encoding="utf-8",
        )
    if mode == "time":
        return logging.handlers.TimedRotatingFileHandler(
            options.log_file_prefix,
            when=options.log_rotate_when,
            interval=options.log_rotate_interval,
            backupCount=options.log_file_num_backups,
            encoding="utf-8",
        )
    raise ValueError(f"log_rotate_mode must be 'size' or 'time', not {mode!r}")


def define_logging_options(options: Any = None) -> None:
    """Define the options that :func:`enable_pretty_logging` reads, and apply them once the command line is parsed.

    ``options`` is any object with ``define(name, default, type, help, metavar)`` and ``add_parse_callback(callback)``. It
    has to be given: the module with the program's global options is not part of this version of Squall, and RuntimeError
    says so when ``options`` is None.
    """
    options = _given(options, "define_logging_options")
    options.define(
        "logging",
        default="info",
        metavar="debug|info|warning|error|none",
        help="the least level logged; none leaves logging as it is",
    )
    options.define(
        "log_to_stderr",
        type=bool,
        default=None,
        help="log to stderr, coloured on terminals; by default if nothing else is set up",
    )
    options.define(
        "log_file_prefix", type=str, default=None, metavar="PATH", help="log to this file; processes need different ones"
    )
    options.define(
        "log_file_max_size", type=int, default=100 * 1000 * 1000, help="bytes in a log file before the next is begun"
    )
    options.define("log_file_num_backups", type=int, default=10, help="how many old log files are kept")
    options.define(
        "log_rotate_when", type=str, default="midnight", help="unit of the interval in mode 'time': S, M, H, D, W0-W6, midnight"
    )
    options.define("log_rotate_interval", type=int, default=1, help="how many units of log_rotate_when between two log files")
    options.define("log_rotate_mode", type=str, default="size", help="begin a new log file by 'size' or by 'time'")
    options.add_parse_callback(lambda: enable_pretty_logging(options))


def _given(options: Any, caller: str) -> Any:
    if options is None:
        raise RuntimeError(
            f"{caller}() needs an options object: this version of Squall has no module of global options to fall back on"
        )
    return options
