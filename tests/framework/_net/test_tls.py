"""TLS settings: verified by default, nothing below TLS 1.2, names matched in linear time."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
import trustme

from squall.netutil import SSLCertificateError, ssl_match_hostname, ssl_options_to_context, ssl_wrap_socket


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return the options of a server and of a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return {"certfile": str(folder / "server.pem")}, {"ca_certs": str(folder / "ca.pem")}


def test_a_clients_context_verifies_by_certifis_roots_and_checks_the_name():
    context = ssl_options_to_context({}, server_side=False)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("server_side", [False, True])
def test_nothing_below_tls_1_2_is_spoken(server_side):
    assert ssl_options_to_context({}, server_side=server_side).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_verification_can_be_switched_off():
    context = ssl_options_to_context({"cert_reqs": ssl.CERT_NONE}, server_side=False)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


def test_a_context_is_returned_as_it_is():
    context = ssl.create_default_context()
    assert ssl_options_to_context(context) is context


def test_a_certificate_of_its_own_makes_a_server(authority):
    assert ssl_options_to_context(authority[0]).protocol == ssl.PROTOCOL_TLS_SERVER
    assert ssl_options_to_context(authority[1]).protocol == ssl.PROTOCOL_TLS_CLIENT


def test_an_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"cert_file.*certfile"):
        ssl_options_to_context({"cert_file": "x"})


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(OSError, match="No such file"):
        ssl_options_to_context({"certfile": "/nowhere.pem"})


def _handshake(server_options, client_options, name):
    left, right = socket.socketpair()
    served = []

    def serve():
        try:
            with ssl_wrap_socket(left, server_options) as wrapped:
                served.append(wrapped.recv(5))
        except OSError as exc:
            served.append(exc)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ssl_wrap_socket(right, client_options, server_hostname=name) as wrapped:
            wrapped.sendall(b"hello")
    finally:
        right.close()
        thread.join()
        left.close()
    return served[0]


def test_two_sockets_speak_tls(authority):
    assert _handshake(*authority, "localhost") == b"hello"


@pytest.mark.parametrize("name", ["elsewhere.example", "127.0.0.1"])
def test_another_host_name_is_refused(authority, name):
    with pytest.raises(SSLCertificateError):
        _handshake(*authority, name)


def test_an_authority_that_nobody_knows_is_refused(authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority[0], ssl_options_to_context({}, server_side=False), "localhost")


def certificate(*names):
    return {"subjectAltName": tuple(("IP Address" if name[0].isdigit() or ":" in name else "DNS", name) for name in names)}


MATCHING = [
    ("a.example", "a.example"),
    ("A.Example", "a.example"),
    ("*.example.com", "www.example.com"),
    ("127.0.0.1", "127.0.0.1"),
]
MATCHING += [("::1", "0:0:0:0:0:0:0:1"), ("a.example.", "a.example")]
OTHERS = [
    ("a.example", "b.example"),
    ("*.example.com", "example.com"),
    ("*.example.com", "a.b.example.com"),
    ("*.com", "example.com"),
]
OTHERS += [("w*.example.com", "www.example.com"), ("*.*.com", "a.b.com"), ("127.0.0.2", "127.0.0.1"), ("*", "localhost")]
OTHERS += [("*.0.0.1", "127.0.0.1"), ("*.example.com", ".example.com")]


@pytest.mark.parametrize(("pattern", "hostname"), MATCHING)
def test_names_match_without_case_by_one_label_or_as_addresses(pattern, hostname):
    ssl_match_hostname(certificate("other.example", pattern), hostname)


@pytest.mark.parametrize(("pattern", "hostname"), OTHERS)
def test_what_does_not_match_is_refused_with_what_would(pattern, hostname):
    with pytest.raises(SSLCertificateError, match="the certificate is for"):
        ssl_match_hostname(certificate(pattern), hostname)


def test_the_common_name_counts_for_nothing():
    with pytest.raises(SSLCertificateError, match="nothing"):
        ssl_match_hostname({"subject": ((("commonName", "a.example"),),)}, "a.example")


def test_no_certificate_at_all_is_an_error():
    with pytest.raises(ValueError, match="no certificate"):
        ssl_match_hostname({}, "a.example")


def test_a_hostile_pattern_costs_linear_time():
    """CVE-2013-2099: at this size, a backtracking pattern would take for ever."""
    with pytest.raises(SSLCertificateError):
        ssl_match_hostname(certificate("*" + "a*" * 200_000 + ".example"), "a" * 200_000 + ".example")
