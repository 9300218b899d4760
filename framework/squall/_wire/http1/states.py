"""Every legal order of a message's parts, as data: state and part give the next state, and a missing key is the error.

Each connection has two such states, one for what we send and one for what we receive. A client sends requests and
receives responses, a server the other way round; the table of a direction depends on what travels in it.
"""

from __future__ import annotations

from enum import Enum


class Travels(Enum):
    """What is sent in one direction of a connection."""

    REQUESTS = "requests"
    RESPONSES = "responses"


class State(Enum):
    """Where one direction of a connection stands."""

    IDLE = "a head is to come"
    BODY = "a body is on its way"
    DONE = "the message is complete"
    CLOSED = "nothing more will come"
    SWITCHED = "another protocol is spoken now"
    ERROR = "the protocol was broken"


class Part(Enum):
    """What can be sent."""

    HEAD = "the head of a message"
    INFORMATION = "an informational response (1xx)"
    DATA = "a piece of a body"
    END = "the end of a message"
    NEXT = "the beginning of the next message"
    CLOSE = "the end of the connection"
    SWITCH = "another protocol"
    BREAK = "a violation of the protocol"


def _common() -> dict[tuple[State, Part], State]:
    table = {
        (State.IDLE, Part.HEAD): State.BODY,
        (State.BODY, Part.DATA): State.BODY,
        (State.BODY, Part.END): State.DONE,
        (State.DONE, Part.NEXT): State.IDLE,
        (State.DONE, Part.SWITCH): State.SWITCHED,
        (State.IDLE, Part.CLOSE): State.CLOSED,
        (State.DONE, Part.CLOSE): State.CLOSED,
        (State.CLOSED, Part.CLOSE): State.CLOSED,
    }
    table.update({(state, Part.BREAK): State.ERROR for state in State})
    return table


TABLE: dict[Travels, dict[tuple[State, Part], State]] = {
    Travels.REQUESTS: _common(),
    Travels.RESPONSES: {**_common(), (State.IDLE, Part.INFORMATION): State.IDLE},
}
