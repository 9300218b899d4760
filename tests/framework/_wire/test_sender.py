"""What we send is legal, or it is not sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall._wire.errors import LocalProtocolError
from squall._wire.http1.events import EndOfMessage, Response
from squall._wire.http1.receiver import Receiver
from squall._wire.http1.sender import Sender, encode_fields, request_line, status_line
from squall._wire.http1.states import State, Travels

OK = status_line(200, "OK")


def test_a_response_with_a_length_is_its_head_and_its_body():
    sender = Sender(Travels.RESPONSES)
    assert sender.send_head(OK, [("A", "b")], length=2, chunked=False) == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    assert sender.send_data(b"hi") == b"hi"
    assert sender.end() == b""
    assert sender.state is State.DONE


def test_chunks_carry_their_sizes_and_trailers_follow_the_last():
    sender = Sender(Travels.RESPONSES)
    sender.send_head(OK, [], length=None, chunked=True)
    assert sender.send_data(b"a" * 16) == b"10\r\n" + b"a" * 16 + b"\r\n"
    assert sender.send_data(b"") == b""
    assert sender.end([("X", "y")]) == b"0\r\nX: y\r\n\r\n"


@pytest.mark.parametrize(("data", "wrong"), [(b"abc", "more"), (b"a", "fewer")])
def test_a_body_of_another_length_than_announced_is_never_sent(data, wrong):
    sender = Sender(Travels.RESPONSES)
    sender.send_head(OK, [], length=2, chunked=False)
    with pytest.raises(LocalProtocolError, match=wrong):
        sender.send_data(data) and sender.end()


@pytest.mark.parametrize("step", ["send_data", "end", "start_next_message", "switch_protocol"])
def test_a_part_out_of_order_is_refused_with_where_the_message_stands(step):
    sender = Sender(Travels.RESPONSES)
    arguments = [b"x"] if step == "send_data" else []
    with pytest.raises(LocalProtocolError, match="a head is to come"):
        getattr(sender, step)(*arguments)


def test_informational_responses_come_before_the_final_one_and_from_servers_only():
    sender = Sender(Travels.RESPONSES)
    assert sender.send_information(status_line(100, "Continue")) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sender.send_head(OK, [], length=0, chunked=False)
    with pytest.raises(LocalProtocolError):
        sender.send_information(status_line(100, "Continue"))
    with pytest.raises(LocalProtocolError):
        Sender(Travels.REQUESTS).send_information(status_line(100, "Continue"))


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nX: y", "\x0b", "\x7f"])
def test_control_characters_never_leave_in_a_value_a_name_a_reason_a_method_or_a_target(bad):
    """CVE-2012-2374, CVE-2018-1000164, CVE-2020-7695, CVE-2025-67725, CVE-2026-34519, CVE-2019-12387, CVE-2023-49082."""
    for attempt in (
        lambda: encode_fields([("X", f"a{bad}b")]),
        lambda: encode_fields([(f"X{bad}", "a")]),
        lambda: status_line(200, f"OK{bad}"),
        lambda: request_line(f"GET{bad}", "/"),
        lambda: request_line("GET", f"/{bad}"),
    ):
        with pytest.raises(LocalProtocolError):
            attempt()


def test_the_refusal_of_a_field_names_it():
    with pytest.raises(LocalProtocolError, match="'Bad Name'"):
        encode_fields([("Good", "a"), ("Bad Name", "b")])


def test_a_value_beyond_latin_1_leaves_as_utf_8():
    assert encode_fields([("X", "\u4e2d")]) == b"X: \xe4\xb8\xad\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.lists(
        st.tuples(st.from_regex(r"[A-Za-z-]{1,10}", fullmatch=True), st.from_regex(r"[!-~]{0,20}", fullmatch=True)), max_size=4
    ),
)
def test_what_is_sent_in_chunks_is_received_as_it_was(pieces, fields):
    fields = [(f"X-{name}", value) for name, value in fields]
    sender, receiver = Sender(Travels.RESPONSES), Receiver(Travels.RESPONSES)
    receiver.receive(sender.send_head(OK, [*fields, ("Transfer-Encoding", "chunked")], length=None, chunked=True))
    for piece in pieces:
        receiver.receive(bytes(sender.send_data(piece)))
    receiver.receive(sender.end())
    head = receiver.next_event()
    assert isinstance(head, Response)
    assert head.headers[:-1] == fields
    body = b""
    while not isinstance(event := receiver.next_event(), EndOfMessage):
        body += event
    assert body == b"".join(pieces)
