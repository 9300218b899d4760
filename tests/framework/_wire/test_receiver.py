"""What a peer sends is understood in one way only, however it is cut, and what is ambiguous is refused."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall._wire.errors import RemoteProtocolError
from squall._wire.http1.events import CLOSED, END, NEED_DATA, PAUSED, EndOfMessage, Request, Response
from squall._wire.http1.limits import Limits
from squall._wire.http1.receiver import Receiver
from squall._wire.http1.states import TABLE, Part, State, Travels

SMALL = Limits(line=200, head=600, fields=8, body=1000, chunk_line=60, trailers=100, chunk_overhead=50)


def understand(pieces, receives=Travels.REQUESTS, limits=SMALL, method="GET"):
    """Return the messages in the pieces, body data joined, and how it ended: a pause or the refusal's status."""
    receiver = Receiver(receives, limits)
    receiver.expect_response_to(method)
    seen, ended = [], NEED_DATA
    for piece in pieces:
        receiver.receive(piece)
        try:
            ended = drain(receiver, seen)
        except RemoteProtocolError as exc:
            return seen, exc.status
        if ended is CLOSED:
            break
    return seen, ended


def drain(receiver, seen):
    while True:
        event = receiver.next_event()
        if event is PAUSED:
            receiver.start_next_message()
        elif event in (NEED_DATA, CLOSED):
            return event
        elif isinstance(event, bytes):
            if seen and isinstance(seen[-1], bytes):
                seen[-1] += event
            else:
                seen.append(event)
        elif isinstance(event, Request):
            seen.append((event.method, event.target, event.version, tuple(event.headers), event.keep_alive))
        elif isinstance(event, Response):
            seen.append((event.status, event.reason, event.version, tuple(event.headers), event.keep_alive))
        else:
            assert isinstance(event, EndOfMessage)
            seen.append(("end", tuple(event.trailers)))


HOST = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

ACCEPTED = {
    "a request": GET + b"\r\n",
    "one blank line before it": b"\r\n" + GET + b"\r\n",
    "HTTP/1.0 without Host": b"GET / HTTP/1.0\r\n\r\n",
    "an announced body": POST + b"Content-Length: 5\r\n\r\nhello",
    "chunks": CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    "chunks with extensions": CHUNKED + b'5;a=b ; c;d="x;\\"y"\r\nhello\r\n0;last\r\n\r\n',
    "trailers": CHUNKED + b"1\r\nx\r\n0\r\nChecksum: abc\r\n\r\n",
    "pipelined requests": GET + b"\r\n" + POST + b"Content-Length: 2\r\n\r\nhi" + GET + b"\r\n",
    "absolute form": b"GET http://a/b?c HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a body on a request to upgrade (CVE-2026-69243)": POST
    + b"Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc"
    + GET
    + b"\r\n",
    "connection: close": GET + b"Connection: close\r\n\r\n",
    "an empty value": GET + b"X:\r\n\r\n",
    "an IPv6 host": b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
}

REFUSED = {
    "both lengths (CVE-2023-47641)": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "both lengths, the other order": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
    "two lengths (CVE-2020-10108)": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    "a list of lengths": (POST + b"Content-Length: 5, 5\r\n\r\n", 400),
    "a sign (GHSA-qppv-j76h-2rpx)": (POST + b"Content-Length: +5\r\n\r\n", 400),
    "an underscore": (POST + b"Content-Length: 1_0\r\n\r\n", 400),
    "hexadecimal": (POST + b"Content-Length: 0x5\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\n", 400),
    "an absurd length": (POST + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n", 400),
    "an empty length (CVE-2019-16792)": (POST + b"Content-Length:\r\n\r\n", 400),
    "gzip, chunked (CVE-2019-16786)": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "chunked twice (CVE-2024-1135)": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    "an unknown coding (GHSA-753j-mpmx-qq6g)": (POST + b"Transfer-Encoding: identity\r\n\r\n", 501),
    "vertical tab before chunked (CVE-2019-16789)": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\n" + HOST + b"\n", 400),
    "bare CR in a value (CVE-2023-37276)": (GET + b"X: a\rb\r\n\r\n", 400),
    "bare LF in a value": (GET + b"X: a\nb\r\n\r\n", 400),
    "a folded line": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "a blank before the colon (CVE-2023-47627)": (GET + b"X : a\r\n\r\n", 400),
    "NUL in a value": (GET + b"X: a\0b\r\n\r\n", 400),
    "DEL in a value": (GET + b"X: a\x7fb\r\n\r\n", 400),
    "an empty name": (GET + b": a\r\n\r\n", 400),
    "a name beyond ASCII": (GET + "Ä: a\r\n\r\n".encode(), 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts (CVE-2026-34525)": (GET + HOST + b"\r\n", 400),
    "a host that is none": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "a host with a broken IPv6 literal (CVE-2022-33124)": (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    "two blanks in the request line": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a control byte in the target": (b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target without a slash": (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a fragment in the target": (b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk for GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "authority form for GET": (b"GET a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another version": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "a version of Arabic digits (CVE-2024-23829)": ("GET / HTTP/1.\u0661\r\n".encode() + HOST + b"\r\n", 400),
    "an unknown method": (b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "two blank lines before a request": (b"\r\n\r\n" + GET + b"\r\n", 400),
    "a long line": (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "a line without end (CVE-2022-21716)": (b"a" * 300, 414),
    "a long head (CVE-2026-22815)": (GET + b"X: " + b"a" * 700 + b"\r\n\r\n", 431),
    "many fields": (GET + b"X: a\r\n" * 20 + b"\r\n", 431),
    "a long body": (POST + b"Content-Length: 1001\r\n\r\n", 413),
    "long chunks": (CHUNKED + b"3e9\r\n", 413),
    "a chunk size with a sign (CVE-2022-24801)": (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk size of 0x": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk size with an underscore": (CHUNKED + b"1_0\r\n", 400),
    "no chunk size": (CHUNKED + b"\r\nhello\r\n0\r\n\r\n", 400),
    "a blank before the chunk size": (CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", 400),
    "LF after the chunk size": (CHUNKED + b"5\nhello\r\n0\r\n\r\n", 400),
    "LF in a chunk extension (CVE-2024-52304)": (CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
    "CR in a chunk extension": (CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    "a control byte in a chunk extension": (CHUNKED + b"5;a\x01\r\nhello\r\n0\r\n\r\n", 400),
    "no CRLF behind a chunk (CVE-2025-43859)": (CHUNKED + b"5\r\nhelloXX0\r\n\r\n", 400),
    "something behind the last chunk (CVE-2023-40175)": (CHUNKED + b"0\r\nX\r\n\r\n", 400),
    "a long chunk line (CVE-2026-54277)": (CHUNKED + b"5;" + b"a" * 100 + b"\r\n", 400),
    "long trailers": (CHUNKED + b"0\r\nX: " + b"a" * 200 + b"\r\n\r\n", 431),
    "a trailer that frames": (CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n", 400),
    "many extensions (CVE-2023-39326)": (CHUNKED + b"1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 5, 400),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_a_legal_message_is_understood_in_one_piece_and_byte_by_byte(data):
    whole = understand([data])
    assert whole[1] is NEED_DATA
    assert whole[0]
    assert understand([bytes([byte]) for byte in data]) == whole


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_a_legal_message_is_understood_the_same_when_cut_at_any_byte(data):
    whole = understand([data])
    assert all(understand([data[:cut], data[cut:]]) == whole for cut in range(1, len(data)))


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_forbidden_or_ambiguous_is_refused_with_its_status(data, status):
    assert understand([data])[1] == status


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_in_one_piece_is_refused_byte_by_byte(data, status):
    assert understand([bytes([byte]) for byte in data])[1] == status


def test_nothing_is_served_after_a_refusal():
    receiver = Receiver(Travels.REQUESTS)
    receiver.receive(b"BAD\r\n\r\n" + GET + b"\r\n")
    for _ in range(3):
        with pytest.raises(RemoteProtocolError):
            receiver.next_event()
    assert receiver.buffered == 0


def test_the_next_request_is_left_unread_until_it_is_asked_for():
    receiver = Receiver(Travels.REQUESTS)
    receiver.receive(GET + b"\r\n" + GET + b"\r\n")
    assert isinstance(receiver.next_event(), Request)
    assert receiver.next_event() is END
    assert receiver.next_event() is PAUSED
    assert receiver.buffered == len(GET) + 2
    receiver.start_next_message()
    assert isinstance(receiver.next_event(), Request)


@pytest.mark.parametrize("cut", range(1, len(CHUNKED) + 20))
def test_a_request_cut_off_by_the_end_of_the_connection_is_an_error(cut):
    data = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    assert understand([data[:cut], b""])[1] == (400 if cut < len(data) else CLOSED)


RESPONSES = {
    "with a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "GET", b"hi"),
    "until the connection closes": (b"HTTP/1.0 200 OK\r\n\r\nhello", "GET", b"hello"),
    "in chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "GET", b"hi"),
    "to HEAD, with the length of what was not sent": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", None),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", None),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", None),
    "after 100 and 103": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "GET",
        b"hi",
    ),
    "without a reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "GET", b"hi"),
}


@pytest.mark.parametrize(("data", "method", "body"), RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_framed_by_status_method_and_fields(data, method, body):
    seen, ended = understand([data, b""], Travels.RESPONSES, method=method)
    assert ended is CLOSED
    assert seen[-1] == ("end", ())
    assert [part for part in seen if isinstance(part, bytes)] == ([body] if body else [])
    for cut in range(1, len(data)):
        assert understand([data[:cut], data[cut:], b""], Travels.RESPONSES, method=method) == (seen, ended)


def test_a_response_that_is_cut_is_an_error():
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"
    assert understand([data, b""], Travels.RESPONSES)[1] == 400


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from(list(Travels)))
def test_garbage_never_raises_anything_but_a_refusal(pieces, receives):
    understand(pieces, receives)


MESSAGES = st.one_of(
    st.sampled_from(list(ACCEPTED.values())), st.sampled_from([data for data, _ in REFUSED.values()]), st.binary(max_size=60)
)


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.lists(st.integers(0, 2000), max_size=6))
def test_the_outcome_does_not_depend_on_how_the_input_is_cut(messages, cuts):
    data = b"".join(messages)
    edges = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[begin:end] for begin, end in itertools.pairwise(edges)]
    if pieces:
        assert understand(pieces) == understand([data])


@given(st.lists(MESSAGES, min_size=1, max_size=3))
def test_where_h11_accepts_a_request_too_it_is_framed_alike(messages):
    data = b"".join(messages)
    ours, ended = understand([data])
    if isinstance(ended, int):
        return
    theirs = _by_h11(data, len(ours))
    mine = [part if isinstance(part, bytes) else "end" if part[0] == "end" else part[:2] for part in ours]
    assert mine[: len(theirs)] == theirs


def _by_h11(data, most):
    """Return what h11 makes of the data, up to the first thing that it refuses."""
    seen = []
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    while len(seen) < most:
        try:
            event = peer.next_event()
        except h11.RemoteProtocolError:
            break
        if event is h11.NEED_DATA or peer.their_state is h11.MUST_CLOSE:
            break
        if event is h11.PAUSED:
            peer = _following(peer)
        elif isinstance(event, h11.Data):
            if isinstance(seen[-1], bytes):
                seen[-1] += bytes(event.data)
            else:
                seen.append(bytes(event.data))
        elif isinstance(event, h11.Request):
            seen.append((event.method.decode(), event.target.decode()))
        else:
            seen.append("end")
    return seen


def _following(peer):
    rest, _ = peer.trailing_data
    fresh = h11.Connection(h11.SERVER)
    fresh.receive_data(rest)
    return fresh


@pytest.mark.parametrize("travels", Travels)
def test_every_pair_of_state_and_part_leads_somewhere_or_is_refused(travels):
    table = TABLE[travels]
    for state in State:
        for part in Part:
            following = table.get((state, part))
            assert following is None or isinstance(following, State)
        assert table[state, Part.BREAK] is State.ERROR
    reachable = {State.IDLE}
    for _ in State:
        reachable |= {to for (origin, _), to in table.items() if origin in reachable}
    assert reachable == set(State)
