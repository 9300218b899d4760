"""Small helpers that the framework and its users share: configurable classes, imports by name, gzip, arguments.

Several names here had a purpose while two major versions of Python were supported. They are kept, and trivial, so that
programs which import them still start.
"""

from __future__ import annotations

import builtins
import datetime as dt
import inspect
import re
import sys
import unittest
import zlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from importlib import import_module
from types import CodeType, TracebackType
from typing import Any, ClassVar, Final, NoReturn, TypeAlias

PY3: Final = True
"""Always true; kept for programs that branch on it."""
unicode_type: Final = str
basestring_type: Final = str
bytes_type: Final = bytes
xrange: Final = range
TimeoutError = builtins.TimeoutError  # noqa: A001 - Tornado's public name
"""What every timed wait of the framework raises: the built-in one, which asyncio and sockets raise too."""
is_finalizing: Final = sys.is_finalizing
"""``is_finalizing()`` is true once the interpreter has begun to shut down."""

_ExcInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS  # zlib.h, inflateInit2: adding 16 demands a gzip header and checks its trailer
_GZIP_SLICE: Final = 16384  # each finished member copies what follows it; short slices keep many small members cheap


def u(s: str) -> str:
    """Return ``s``; once the way to write a text literal for two major versions of Python."""
    return s


def exec_in(code: str | CodeType, glob: dict[str, Any], loc: Mapping[str, Any] | None = None) -> None:
    """Run source text or compiled code with the given globals and locals; source does not inherit this module's futures."""
    if isinstance(code, str):
        code = compile(code, "<string>", "exec", dont_inherit=True)
    exec(code, glob, loc)  # noqa: S102 - executing given code is this function's purpose


def raise_exc_info(exc_info: _ExcInfo) -> NoReturn:
    """Raise the exception of a ``sys.exc_info()`` triple with its traceback; TypeError when the triple is empty."""
    try:
        if exc_info[1] is None:
            raise TypeError("raise_exc_info() was called with no exception")
        raise exc_info[1].with_traceback(exc_info[2])
    finally:
        del exc_info  # the traceback holds this frame and would form a cycle with it


def errno_from_exception(e: BaseException) -> int | None:
    """Return the error number of an OS error, from its ``errno`` or else its first argument; None when it has neither."""
    number = getattr(e, "errno", None)
    if number is None and e.args:
        number = e.args[0]
    return number


def timedelta_to_seconds(td: dt.timedelta) -> float:
    """Return the length of ``td`` in seconds."""
    return td.total_seconds()


def import_object(name: str) -> Any:
    """Return the module ``name``, or the attribute of a module that the last part of ``name`` is.

    Raises ImportError when a module on the way is missing, and when the last part is neither attribute nor submodule.
    """
    parent_name, dot, last = name.rpartition(".")
    if not dot:
        return import_module(name)
    parent = import_module(parent_name)
    try:
        return getattr(parent, last)
    except AttributeError:
        pass
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # the submodule exists; something that it needs does not
        raise ModuleNotFoundError(f"{parent_name} has no attribute and no submodule {last!r}", name=name) from None


def re_unescape(s: str) -> str:
    r"""Undo ``re.escape``; ValueError for text it cannot have produced, such as ``\d`` or a trailing backslash."""
    return re.sub(r"\\(.?)", _unescaped, s, flags=re.DOTALL)


def _unescaped(escape: re.Match[str]) -> str:
    character = escape.group(1)
    if not character or (character.isascii() and character.isalnum()):
        raise ValueError(f"cannot unescape {escape.group(0)!r}: it does not come from re.escape")
    return character


def doctests() -> unittest.TestSuite:
    """Return the doctests of this module (there are none) as a suite."""
    import doctest  # noqa: PLC0415 - only test runs need it

    return doctest.DocTestSuite(sys.modules[__name__])


class ObjectDict(dict[str, Any]):
    """A dictionary whose keys can be read and written as attributes too; AttributeError for a missing one."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class GzipDecompressor:
    """Inflate a gzip stream piece by piece, with a bound on what comes out.

    A stream of several members is inflated as one (RFC 1952, section 2.2). Bytes after the last member that are not a
    member, and a stream that ends inside one, are errors: ``zlib.error``.
    """

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None  # None: between members
        self._unconsumed = b""

    def decompress(self, value: bytes, max_length: int | None = None) -> bytes:
        """Inflate ``value``; return at most ``max_length`` bytes (None and 0: without bound).

        What could not be inflated within the bound is in ``unconsumed_tail`` and must be passed first the next time.
        Raises zlib.error for data that is not gzip.
        """
        limit = max_length or 0
        pieces: list[bytes] = []
        room = limit
        view = memoryview(value)
        position = 0
        while position < len(view) and (room or not limit):
            if self._member is None:
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            part = view[position : position + _GZIP_SLICE]
            pieces.append(self._member.decompress(part, room))
            room -= len(pieces[-1]) if limit else 0
            if self._member.eof:
                position += len(part) - len(self._member.unused_data)
                self._member = None
            else:
                position += len(part) - len(self._member.unconsumed_tail)
        self._unconsumed = bytes(view[position:])
        return b"".join(pieces)

    @property
    def unconsumed_tail(self) -> bytes:
        """The end of the last input that did not fit the bound; pass it to ``decompress`` again."""
        return self._unconsumed

    def flush(self) -> bytes:
        """Return what zlib still holds; nothing else may be called afterwards. Raises zlib.error when the stream is cut off."""
        if self._member is None:
            return b""
        rest = self._member.flush()
        if not self._member.eof:
            raise zlib.error("the gzip stream ends inside a member")
        return rest


class Configurable:
    """A base whose constructor makes an instance of a configured subclass.

    A family of implementations has one base class, which overrides ``configurable_base`` and ``configurable_default``.
    Calling the base makes the configured implementation; calling an implementation makes that one. Instances are set up
    in ``initialize``, not in ``__init__``, so that ``configure(impl, **kwargs)`` can supply arguments.
    """

    _impl_class: ClassVar[type[Configurable] | None] = None
    _impl_kwargs: ClassVar[dict[str, Any] | None] = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance of the configured class; arguments given here win over configured ones."""
        base = cls.configurable_base()
        impl: type[Configurable] = cls
        merged: dict[str, Any] = {}
        if cls is base:
            impl = cls.configured_class()
            merged.update(cls._save_configuration()[1] or {})
        merged.update(kwargs)
        if impl.configurable_base() is not base:
            return impl(*args, **merged)  # the implementation is the base of a family of its own
        instance = super().__new__(impl)
        instance.initialize(*args, **merged)
        return instance

    @classmethod
    def configurable_base(cls) -> type[Any]:
        """Return the base class of the family; usually the class in which this is written."""
        raise NotImplementedError(f"{cls.__qualname__} must override configurable_base()")

    @classmethod
    def configurable_default(cls) -> type[Any]:
        """Return the implementation to use when none was configured."""
        raise NotImplementedError(f"{cls.__qualname__} must override configurable_default()")

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Set up an instance; stands in for ``__init__``, with the configured and the given arguments."""

    @classmethod
    def configure(cls, impl: str | type[Configurable] | None, **kwargs: Any) -> None:
        """Choose the class (or its dotted name) that the base makes; None for the default again.

        The keyword arguments are given to every instance that the base makes. Raises ValueError when ``impl`` is not a
        subclass of this one, ImportError when the name cannot be imported.
        """
        chosen: Any = import_object(impl) if isinstance(impl, str) else impl
        if chosen is not None and not (isinstance(chosen, type) and issubclass(chosen, cls)):
            raise ValueError(f"{chosen!r} is not a subclass of {cls.__qualname__}")
        cls._restore_configuration((chosen, kwargs))

    @classmethod
    def configured_class(cls) -> type[Any]:
        """Return the class that the base makes now; the default becomes the configured one."""
        chosen, kwargs = cls._save_configuration()
        if chosen is None:
            chosen = cls.configurable_default()
            cls._restore_configuration((chosen, kwargs))
        return chosen

    @classmethod
    def _save_configuration(cls) -> tuple[type[Configurable] | None, dict[str, Any] | None]:
        base: type[Configurable] = cls.configurable_base()
        # Looked up on the base itself: a family inside a family must not see the outer one's choice.
        return base.__dict__.get("_impl_class"), base.__dict__.get("_impl_kwargs")

    @classmethod
    def _restore_configuration(cls, saved: tuple[type[Configurable] | None, dict[str, Any] | None]) -> None:
        base: type[Configurable] = cls.configurable_base()
        base._impl_class, base._impl_kwargs = saved  # noqa: SLF001 - the base is of this very class


class ArgReplacer:
    """Find and replace one argument of calls to ``func``, given by position or by name; for decorators."""

    def __init__(self, func: Callable[..., Any], name: str) -> None:
        self.name = name
        self.arg_pos = _position_of(func, name)
        """Where the argument stands among the positional ones; None when it can be given by name only."""

    def get_old_value(self, args: Sequence[Any], kwargs: Mapping[str, Any], default: Any = None) -> Any:
        """Return what the call gives for the argument, or ``default`` when it gives nothing."""
        if self.arg_pos is not None and len(args) > self.arg_pos:
            return args[self.arg_pos]
        return kwargs.get(self.name, default)

    def replace(
        self, new_value: Any, args: Sequence[Any], kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, Sequence[Any], MutableMapping[str, Any]]:
        """Return the old value (None when the call gives none), and ``args`` and ``kwargs`` with the new one.

        An argument that the call does not give is added by name. ``kwargs`` may be changed in place.
        """
        if self.arg_pos is not None and len(args) > self.arg_pos:
            changed = list(args)
            old, changed[self.arg_pos] = changed[self.arg_pos], new_value
            return old, changed, kwargs
        old = kwargs.get(self.name)
        kwargs[self.name] = new_value
        return old, args, kwargs


def _position_of(func: Callable[..., Any], name: str) -> int | None:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(func).parameters.values()
        names = [parameter.name for parameter in parameters if parameter.kind in positional]
    except ValueError:
        # Compiled functions may hide their signature and yet carry a code object with the names (Cython's do).
        code = getattr(func, "__code__", None)
        if code is None:
            raise TypeError(f"the signature of {func!r} cannot be read, so {name!r} cannot be found in calls of it") from None
        names = list(code.co_varnames[: code.co_argcount])
    return names.index(name) if name in names else None
