"""TLS settings: contexts that verify by default, and the check of a certificate's names (RFC 6125, RFC 9525)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final

import certifi

SSLCertificateError = ssl.CertificateError
_OPTIONS: Final = frozenset({"ca_certs", "cert_reqs", "certfile", "ciphers", "keyfile", "ssl_version"})


def ssl_options_to_context(
    ssl_options: Mapping[str, Any] | ssl.SSLContext,
    server_side: bool | None = None,  # noqa: FBT001 - Tornado's signature
) -> ssl.SSLContext:
    """Return an SSLContext of a dictionary of options; a context is returned as it is.

    Options: ``certfile``, ``keyfile``, ``cert_reqs``, ``ca_certs``, ``ciphers``, ``ssl_version``. TLS 1.2 is the floor. A
    client verifies certificate and host name unless ``cert_reqs`` is CERT_NONE, by ``ca_certs`` or else certifi's roots; a
    server asks for client certificates only as ``cert_reqs`` says. With None for ``server_side``, a certificate without
    ``ca_certs`` makes it a server's context. ValueError for an unknown option; OSError when a file cannot be read.
    """
    if isinstance(ssl_options, ssl.SSLContext):
        return ssl_options
    unknown = sorted(set(ssl_options) - _OPTIONS)
    if unknown:
        raise ValueError(f"unknown TLS options {', '.join(unknown)}; there are {', '.join(sorted(_OPTIONS))}")
    if server_side is None:
        server_side = "certfile" in ssl_options and "ca_certs" not in ssl_options
    default = ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT
    context = ssl.SSLContext(ssl_options.get("ssl_version", default))
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    cert_reqs = ssl_options.get("cert_reqs", ssl.CERT_NONE if server_side else ssl.CERT_REQUIRED)
    if cert_reqs != ssl.CERT_REQUIRED:
        context.check_hostname = False
    context.verify_mode = cert_reqs
    if "certfile" in ssl_options:
        context.load_cert_chain(ssl_options["certfile"], ssl_options.get("keyfile"))
    if "ca_certs" in ssl_options:
        context.load_verify_locations(ssl_options["ca_certs"])
    elif not server_side and cert_reqs != ssl.CERT_NONE:
        context.load_verify_locations(certifi.where())
    if "ciphers" in ssl_options:
        context.set_ciphers(ssl_options["ciphers"])
    return context


def ssl_wrap_socket(
    socket: socket.socket,
    ssl_options: Mapping[str, Any] | ssl.SSLContext,
    server_hostname: str | None = None,
    server_side: bool | None = None,  # noqa: FBT001 - Tornado's signature
    **kwargs: Any,
) -> ssl.SSLSocket:
    """Return the socket as one that speaks TLS by these options; ``kwargs`` go to ``SSLContext.wrap_socket``.

    ``server_hostname`` is sent as SNI, where the library has it, and checked against the certificate.
    """
    context = ssl_options_to_context(ssl_options, server_side=server_side)
    if server_side is None:
        server_side = context.protocol == ssl.PROTOCOL_TLS_SERVER
    if server_side:
        return context.wrap_socket(socket, server_side=True, **kwargs)
    return context.wrap_socket(socket, server_hostname=server_hostname, **kwargs)


def ssl_match_hostname(cert: Mapping[str, Any], hostname: str) -> None:
    """Check that a certificate, as ``SSLSocket.getpeercert`` returns it, is for that name or IP address; linear.

    Only its subjectAltName counts; a wildcard stands for one whole label, the first. SSLCertificateError otherwise,
    ValueError for an empty certificate.
    """
    if not cert:
        raise ValueError("there is no certificate to match: was it verified at all?")
    names = [(kind, value) for kind, value in cert.get("subjectAltName", ())]
    address = _ip(hostname)
    if address is not None:
        matched = any(kind == "IP Address" and _ip(value.strip()) == address for kind, value in names)
    else:
        matched = any(kind == "DNS" and _matches(value, hostname) for kind, value in names)
    if not matched:
        known = ", ".join(value for _, value in names) or "nothing"
        raise SSLCertificateError(f"the certificate is for {known}, not for {hostname!r}")


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _matches(pattern: str, hostname: str) -> bool:
    pattern, hostname = pattern.lower().rstrip("."), hostname.lower().rstrip(".")
    if not pattern.startswith("*."):
        return "*" not in pattern and pattern == hostname
    label, dot, rest = hostname.partition(".")
    return bool(label and dot) and "." in rest and "*" not in pattern[1:] and pattern[2:] == rest
