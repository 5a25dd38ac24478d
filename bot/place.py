"""Where somebody comes from, as far as counting needs it; an address is never stored or logged."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def place_of(address: str) -> str:
    """What is counted together: an IPv6 customer has a whole /64."""
    ip = _parsed(address)
    if isinstance(ip, IPv6Address):
        return f"{int(ip) >> 64:x}::/64"
    return str(ip or address)


def is_far(address: str) -> bool:
    """Whether it is an address of the wide Internet, not a proxy's or one of this network."""
    ip = _parsed(address)
    return ip is not None and ip.is_global


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
