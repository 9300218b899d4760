"""Loops that break one rule on callbacks each."""

from __future__ import annotations

from saboteurs.catalogue import saboteur
from saboteurs.homed import Homed
from saboteurs.reference import Call, Reference, Registration
from squall_loops.contract import Callback


@saboteur(
    "CB-001", "a ring of 128 callbacks, and what does not fit is forgotten", reason="expected each of 300 callbacks to run once"
)
class FixedRing(Homed):
    """Only while it runs, and only for the loop's own thread; others have a queue of their own."""

    def enqueue(self, call: Call) -> None:
        if self.from_elsewhere() or not self.running or self.own < 128:
            super().enqueue(call)


@saboteur("CB-002", "last come, first served", reason="expected callbacks in the order of adding")
class LastComeFirstServed(Reference):
    def run_callbacks(self) -> None:
        batch = [self.callbacks.popleft() for _ in range(len(self.callbacks))]
        try:
            while batch:
                self.make_call(batch.pop())
        finally:
            self.callbacks.extendleft(reversed(batch))


@saboteur(
    "CB-003",
    "does not look at descriptors while callbacks wait",
    reason="expected a readable socket to be served between callbacks",
)
class CallbacksBeforeDescriptors(Reference):
    """Gives in after 3000 turns, so that clauses which run callbacks until something happens see it happen."""

    patience = 0

    def wait(self, timeout: float | None) -> list[tuple[Registration, int]]:
        if self.callbacks and self.patience < 3000:
            self.patience += 1
            return []
        self.patience = 0
        return super().wait(timeout)


@saboteur("CB-004", "does not look at timers while callbacks wait", reason="expected a due timer to run between callbacks")
class CallbacksBeforeTimers(Reference):
    """Gives in after 3000 turns, so that clauses which run callbacks until something happens see it happen."""

    patience = 0

    def run_timers(self) -> None:
        if self.callbacks and self.patience < 3000:
            self.patience += 1
            return
        self.patience = 0
        super().run_timers()


@saboteur(
    "CB-005",
    "a callback that returns True runs again, as GLib's sources do",
    reason="expected each callback to run once whatever",
)
class TrueMeansAgain(Reference):
    def make_call(self, call: Call) -> None:
        callback, args, context = call.callback, call.args, call.context
        call.empty()
        if callback is None or context is None:
            return

        def observed(*args: object) -> None:
            if callback(*args) is True:
                self.enqueue(Call(callback, args, context.copy()))

        try:
            context.run(observed, *args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - as the reference has it
            self.report(callback, exc)


@saboteur("CB-005", "hands on copies of dictionaries", reason="expected the very arguments that were added")
class CopiesArguments(Reference):
    def enqueue(self, call: Call) -> None:
        call.args = tuple(dict(argument) if type(argument) is dict else argument for argument in call.args)
        super().enqueue(call)


@saboteur(
    "CB-006",
    "a table of 512 places for work added before the first start",
    reason="expected 1000 callbacks added before start to run",
)
class SmallTableBeforeStart(Homed):
    started = False

    def enqueue(self, call: Call) -> None:
        if self.started or self.from_elsewhere() or self.own < 512:
            super().enqueue(call)

    def start(self) -> None:
        self.started = True
        super().start()


@saboteur("CB-007", "goes to sleep on callbacks that handlers and timers have added", outcomes=("hang",))
class SleepsOnTheWorkOfEvents(Reference):
    """Serves callbacks first; what events add afterwards neither shortens the next wait nor wakes it."""

    unseen = 0

    def has_work(self) -> bool:
        return self.stopping or len(self.callbacks) > self.unseen

    def turn(self) -> None:
        self.woken = False
        ready = self.wait(self.timeout())
        self.run_callbacks()
        self.woken = True
        waiting = len(self.callbacks)
        self.dispatch(ready)
        self.run_timers()
        self.unseen = len(self.callbacks) - waiting


@saboteur("CB-008", "forgets what waits when it stops", reason="expected callbacks 0 to 4 in two starts")
class ForgetsAtStop(Reference):
    def start(self) -> None:
        super().start()
        self.callbacks.clear()


@saboteur(
    "CB-009", "adding what is the last in the queue already is once enough", reason="expected a run for each of 5 addings"
)
class MergesEqualCallbacks(Homed):
    def enqueue(self, call: Call) -> None:
        last = self.callbacks[-1] if self.callbacks else None
        same = last is not None and last.callback is call.callback and last.args == call.args
        if self.from_elsewhere() or not same:
            super().enqueue(call)


@saboteur(
    "CB-010", "finds out a turn later that something cannot be called", reason="expected TypeError from add_callback(None)"
)
class AcceptsAnything(Reference):
    def refuse_uncallable(self, callback: object) -> None:
        """Do not."""


@saboteur("CB-010", "takes a callable that is false for none at all", reason="add_callback with a falsy object should work")
class RefusesFalsyCallables(Reference):
    def refuse_uncallable(self, callback: object) -> None:
        super().refuse_uncallable(callback or None)


@saboteur(
    "CB-011",
    "a closed loop takes callbacks and says nothing",
    reason="expected RuntimeError from add_callback on a closed loop",
)
class SilentAfterClose(Reference):
    def add_callback(self, callback: Callback, *args: object) -> None:
        if not self.closed:
            super().add_callback(callback, *args)


@saboteur("CB-012", "a callback that a handler adds runs at once", reason="ran inside it: ['a handler']")
class RunsInsideHandlers(Reference):
    serving = False

    def serve(self, registration: Registration, events: int) -> None:
        self.serving = True
        super().serve(registration, events)
        self.serving = False

    def enqueue(self, call: Call) -> None:
        if self.serving:
            self.make_call(call)
        else:
            super().enqueue(call)
