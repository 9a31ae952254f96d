"""Addresses of servers and resources, in the one form in which they are compared."""

from __future__ import annotations

from urllib.parse import urlsplit

_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def plain_address(address: str) -> str:
    """An address without what says nothing about where it leads.

    http and https of one server are one, a host has no case, the default port goes without saying, and so does a last
    slash. A UUID has no case. Everything else is kept as it stands.
    """
    if address[:9].casefold() == "urn:uuid:":
        return address.casefold()
    try:
        parts = urlsplit(address)
    except ValueError:  # what is no address is compared as it stands
        return address
    scheme, host = parts.scheme.casefold(), parts.netloc.casefold()
    if scheme not in _DEFAULT_PORT or not host:
        return address
    plain = parts._replace(scheme="", netloc=host.removesuffix(_DEFAULT_PORT[scheme]))
    return plain.geturl().removeprefix("//").rstrip("/")


def is_of_server(address: str) -> bool:
    """Whether an address is that of a resource on a server."""
    return address[:8].casefold().startswith(("http://", "https://"))


def server_of(address: str) -> str | None:
    """The base of the server in the address of a resource, in its plain form; None where it names none."""
    if not is_of_server(address):
        return None
    return "/".join(plain_address(unversioned(address)).split("/")[:-2]) or None


def unversioned(address: str) -> str:
    """The address of a resource without that of one of its versions."""
    return address.partition("/_history/")[0]
