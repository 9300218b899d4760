"""Loops that break one rule on timers each."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque

from saboteurs.catalogue import saboteur
from saboteurs.reference import LONGEST_WAIT, Call, Reference, Registration, Timer
from squall_loops.contract import Callback, TimerHandle


@saboteur("TM-001", "counts in whole milliseconds and rounds them down", reason="expected no timer before its deadline")
class RoundsDown(Reference):
    def timeout(self) -> float | None:
        timeout = super().timeout()
        return None if timeout is None else max(0.0, timeout - 0.001)

    def due_timers(self, now: float) -> deque[Timer]:
        return super().due_timers(now + 0.001)


@saboteur("TM-002", "a timer set before the first callback does not bound the wait", outcomes=("hang",))
class DeafBeforeTheFirstCallback(Reference):
    used = False

    def enqueue(self, call: Call) -> None:
        self.used = True
        super().enqueue(call)

    def timeout(self) -> float | None:
        return super().timeout() if self.used or self.registered else None


@saboteur("TM-003", "runs due timers in the order of scheduling", reason="expected timers in the order of their deadlines")
class OrderOfScheduling(Reference):
    def due_timers(self, now: float) -> deque[Timer]:
        return deque(sorted(super().due_timers(now), key=lambda timer: timer.serial))


@saboteur("TM-004", "of equal deadlines the last set runs first", reason="of one deadline in the order of scheduling")
class LastSetFirst(Reference):
    def next_serial(self) -> int:
        return -super().next_serial()


@saboteur("TM-005", "a timer that was set too late waits for the next tick of 50 ms", reason="to run in the next turn")
class LateComersWait(Reference):
    hold = -math.inf

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        if deadline <= self.time():
            self.hold = self.time() + 0.05
        return super().call_at(deadline, callback, *args)

    def due_timers(self, now: float) -> deque[Timer]:
        return deque() if now < self.hold else super().due_timers(now)


@saboteur("TM-005", "hands a negative timeout to poll(2), which means for ever", outcomes=("hang",))
class NegativeMeansForEver(Reference):
    """Only half a second after the deadline, so that a busy machine does not show it elsewhere."""

    def timeout(self) -> float | None:
        timeout = super().timeout()
        overdue = bool(self.timers) and self.timers[0].deadline < self.time() - 0.5
        return None if overdue and not self.has_work() else timeout


@saboteur("TM-006", "removing a timer whose deadline is ahead does not find it", reason="expected removed timers not to run")
class RemovesDueTimersOnly(Reference):
    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.deadline <= self.time():
            super().remove_timeout(handle)


@saboteur("TM-007", "removing a timer twice raises, as heap.remove does", reason="for the second time to be harmless")
class RaisesOnSecondRemoval(Reference):
    def __init__(self) -> None:
        super().__init__()
        self.removed: set[int] = set()

    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.serial in self.removed:
            raise ValueError("list.remove(x): x not in list")
        self.removed.add(handle.serial)
        super().remove_timeout(handle)


@saboteur("TM-008", "a timer that removes itself is 'already called'", reason="from inside its own callback to be harmless")
class AlreadyCalled(Reference):
    current: Call | None = None

    def make_call(self, call: Call) -> None:
        self.current = call
        super().make_call(call)
        self.current = None

    def remove_timeout(self, handle: TimerHandle) -> None:
        if handle is self.current:
            raise ValueError("already called")
        super().remove_timeout(handle)


@saboteur("TM-008", "a timer that has run is not in the list any more", reason="after the timer has run to be harmless")
class NotInTheList(Reference):
    """Only timers that were set while the loop ran: the stage removes its own after they have run."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: set[int] = set()
        self.inside: set[int] = set()

    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        handle = super().call_at(deadline, callback, *args)
        assert isinstance(handle, Timer)
        if self.running:
            self.inside.add(handle.serial)
        return handle

    def make_call(self, call: Call) -> None:
        super().make_call(call)
        if isinstance(call, Timer) and call.serial in self.inside:
            self.ran.add(call.serial)

    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.serial in self.ran:
            raise ValueError("list.remove(x): x not in list")
        super().remove_timeout(handle)


@saboteur("TM-009", "due timers are beyond removal", reason="expected a due timer that an earlier one removed not to run")
class NoWayBack(Reference):
    def due_timers(self, now: float) -> deque[Timer]:
        due: deque[Timer] = deque()
        for timer in super().due_timers(now):
            if timer.callback is not None and timer.context is not None:
                due.append(Timer(timer.deadline, timer.serial, timer.callback, timer.args, timer.context))
                timer.empty()
        return due


@saboteur("TM-009", "removing a timer that is due does not find it", reason="expected a due timer that")
class RemovesFutureTimersOnly(Reference):
    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.deadline > self.time():
            super().remove_timeout(handle)


@saboteur("TM-010", "removes every timer with that deadline and callback", reason="expected the timers left, with 1, 2 and 3")
class RemovesTwins(Reference):
    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        twins = [timer for timer in self.timers if timer.deadline == handle.deadline and timer.callback == handle.callback]
        for timer in twins:
            super().remove_timeout(timer)
        super().remove_timeout(handle)


@saboteur(
    "TM-011", "removed timers keep all they hold until their deadline", reason="objects of 2000 removed timers to be freed"
)
class KeepsRemoved(Reference):
    def __init__(self) -> None:
        super().__init__()
        self.removed: set[int] = set()

    def remove_timeout(self, handle: TimerHandle) -> None:
        assert isinstance(handle, Timer)
        if handle.callback is not None:
            self.removed.add(handle.serial)

    def make_call(self, call: Call) -> None:
        if isinstance(call, Timer) and call.serial in self.removed:
            call.empty()
        super().make_call(call)


@saboteur("TM-012", "runs timers until none is due", reason="between timers without delay")
class UntilNoneIsDue(Reference):
    def run_timers(self) -> None:
        while self.timers and self.timers[0].deadline <= self.time():
            super().run_timers()


@saboteur("TM-013", "waits for the timer that was set first", outcomes=("hang",))
class WaitsForTheOldest(Reference):
    def timeout(self) -> float | None:
        timeout = super().timeout()
        if not timeout:
            return timeout
        waiting = (timer for timer in self.timers if timer.callback is not None)
        oldest = min(waiting, key=lambda timer: timer.serial)
        return min(max(0.0, oldest.deadline - self.time()), LONGEST_WAIT)


@saboteur("TM-014", "hands days to a kernel call that takes 32 bit milliseconds", reason="OverflowError")
class OverflowsAfterDays(Reference):
    def timeout(self) -> float | None:
        timeout = super().timeout()
        return max(0.0, self.timers[0].deadline - self.time()) if timeout else timeout


@saboteur("TM-015", "does not look at timers while descriptors are ready", reason="beside a descriptor that is always ready")
class DescriptorsBeforeTimers(Reference):
    """Gives in after 3000 turns, so that clauses which run callbacks until something happens see it happen."""

    patience = 0
    busy = False

    def wait(self, timeout: float | None) -> list[tuple[Registration, int]]:
        ready = super().wait(timeout)
        self.busy = bool(ready)
        return ready

    def run_timers(self) -> None:
        if self.busy and self.patience < 3000:
            self.patience += 1
            return
        self.patience = 0
        super().run_timers()


@saboteur("TM-016", "goes by the wall clock", reason="expected a jump of the wall clock not to move the loop's clock")
class WallClock(Reference):
    resolution = 1e-6

    def time(self) -> float:
        return time.time()


@saboteur("TM-016", "a clock that runs half as fast again", reason="expected the clock to move by")
class FastClock(Reference):
    def time(self) -> float:
        return 1.5 * super().time()


@saboteur("TM-017", "reads the clock once a turn", reason="expected a timer 12 ms ahead to run after 12 ms")
class ClockOfTheTurn(Reference):
    now: float | None = None

    def wait(self, timeout: float | None) -> list[tuple[Registration, int]]:
        ready = super().wait(timeout)
        self.now = super().time()
        return ready

    def turn(self) -> None:
        super().turn()
        self.now = None

    def time(self) -> float:
        return super().time() if self.now is None else self.now


@saboteur("TM-018", "ticks ten times a second", reason="expected timers within 20 ms of their deadlines")
class TenTicksASecond(Reference):
    def timeout(self) -> float | None:
        timeout = super().timeout()
        return timeout and math.ceil(timeout * 10) / 10


@saboteur("TM-019", "takes a NaN for a deadline", reason="expected ValueError from call_at with the deadline NaN")
class TakesNotANumber(Reference):
    def refuse_nan(self, deadline: float) -> None:
        """Do not."""


@saboteur(
    "TM-020", "a table of 2500 timers, and what does not fit is forgotten", reason="expected each of 3000 timers to run once"
)
class FixedTable(Reference):
    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        handle = super().call_at(deadline, callback, *args)
        if len(self.timers) > 2500:
            self.timers.remove(handle)  # type: ignore[arg-type] # what call_at has pushed is a Timer
            heapq.heapify(self.timers)
        return handle


@saboteur("TM-021", "a closed loop takes timers and says nothing", reason="expected RuntimeError from call_at on a closed loop")
class TakesTimersAfterClose(Reference):
    def call_at(self, deadline: float, callback: Callback, *args: object) -> TimerHandle:
        if self.closed:
            return Timer(deadline, self.next_serial(), callback, args, self.capture_context())
        return super().call_at(deadline, callback, *args)


@saboteur("TM-022", "forgets its timers when it stops", reason="expected both timers to run after the second start")
class ForgetsTimersAtStop(Reference):
    def start(self) -> None:
        super().start()
        self.timers.clear()
