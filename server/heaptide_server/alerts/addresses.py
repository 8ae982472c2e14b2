"""Where a webhook may connect to: a name is resolved once, every address is checked, and only those are dialled.

A URL that a person gives must not reach what the collector can reach and that person can't: the cloud's metadata
service, the loopback interface, private networks (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

# Metadata services that no property of their address gives away; 169.254.0.0/16 and fe80::/10 are link-local anyway.
METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure's wire server
        "192.0.0.192",  # Oracle Cloud, the older address
        "fd00:ec2::254",  # AWS over IPv6
        "fd20:ce::254",  # Google Cloud over IPv6
    )
)
# IPv6 networks whose last 32 bits are an IPv4 address: translation (RFC 6052, RFC 8215) and "compatible" (RFC 4291).
CARRIES_IPV4 = tuple(ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


class AddressRefusedError(Exception):
    """The webhook's address is one that the collector doesn't connect to. The text says which and what to do."""


@dataclass(frozen=True)
class AddressPolicy:
    """What else is allowed beside public addresses over https.

    Attributes:
        allow_nets: loopback and private networks that may be reached.
        allow_http: plain http is fine; without it, only to a loopback address that `allow_nets` has.
    """

    allow_nets: tuple[Network, ...] = ()
    allow_http: bool = False

    def check(self, scheme: str, host: str, addresses: Sequence[str]) -> None:
        """Checks all addresses that a host has. One that is refused refuses the host.

        Raises:
            AddressRefusedError: with a sentence for a person.
        """
        if not addresses:
            raise AddressRefusedError(f"{host} has no address; check the host name in the webhook's URL")
        for text in addresses:
            for address in faces(ipaddress.ip_address(text)):
                self._check_address(host, text, address)
                self._check_scheme(scheme, host, address)

    def _check_address(self, host: str, text: str, address: Address) -> None:
        if forbidden := always_refused(address):
            raise AddressRefusedError(f"{host} is {text}, {forbidden}, which is never allowed; give a public address")
        if not address.is_global and not self._allows(address):
            kind = "a loopback address" if address.is_loopback else "not a public address"
            raise AddressRefusedError(
                f"{host} is {text}, {kind}; if that is meant, put it into the target's allow_nets, "
                f"or set HEAPTIDE_WEBHOOK_ALLOW_NETS={address}"
            )

    def _check_scheme(self, scheme: str, host: str, address: Address) -> None:
        if scheme != "https" and not self.allow_http and not address.is_loopback:
            raise AddressRefusedError(
                f"{host} is given with {scheme}://; use https://, or allow it: allow_http in the target's file, "
                "or HEAPTIDE_WEBHOOK_ALLOW_HTTP=1"
            )

    def _allows(self, address: Address) -> bool:
        return any(address in net for net in self.allow_nets)


def always_refused(address: Address) -> str | None:
    """What makes this address one that no setting allows; None if nothing does."""
    if address.is_link_local or address in METADATA:
        return "a link-local or metadata address"
    if address.is_multicast:
        return "a multicast address"
    if address.is_unspecified or (address.version == 4 and address in THIS_NETWORK):
        return "an unspecified address"
    if address.version == 4 and address.is_reserved:
        return "a reserved or broadcast address"
    return None


def faces(address: Address) -> list[Address]:
    """The addresses that a packet to this one may end at: itself, and IPv4 addresses that it carries."""
    if address.version == 4:
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    carried: list[Address] = [address]
    if address.sixtofour is not None:
        carried.append(address.sixtofour)
    if address.teredo is not None:
        carried.extend(address.teredo)
    if any(address in net for net in CARRIES_IPV4) and not (address.is_loopback or address.is_unspecified):
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return carried


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host by the system's resolver, in its order, each once.

    Also reads what the C library takes for an address (decimal, octal, hexadecimal), so that it is checked too.

    Raises:
        OSError: the name can't be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
