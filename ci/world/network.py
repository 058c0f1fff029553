"""The cable between host and world: addresses that nobody uses, a link, and firewall rules that carry a mark."""

from __future__ import annotations

import ipaddress
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from ci.world.layout import World

_SOON = 30.0
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
#: Programs of root, wherever PATH of this process points.
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*argv: str, check: bool = True) -> str:
    """Run a program of root; return its output."""
    # The loader of programs looks on the PATH of this process.
    command = process.Command(argv=("env", f"PATH={ROOT_PATH}", *argv))
    return process.run(command, deadline=_SOON, check=check).stdout


def free_networks(count: int) -> list[str]:
    """Return networks of 256 addresses that no route and no address of this machine touches."""
    taken = [_LOOPBACK]
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        target = route.get("dst", "default")
        if target not in ("default", "0.0.0.0/0"):
            taken.append(ipaddress.IPv4Network(target, strict=False))
    free = []
    # Not from Docker's own pool, and not 10.0/16 and 10.96/16, which clusters use.
    candidates = [f"10.{second}.{third}" for second in range(200, 250) for third in range(256)]
    random.shuffle(candidates)
    for candidate in candidates:
        network = ipaddress.IPv4Network(f"{candidate}.0/24")
        if not any(network.overlaps(each) for each in taken):
            free.append(candidate)
            if len(free) == count:
                return free
    raise SuiteError("no network of 256 addresses in 10.200.0.0 to 10.249.255.255 is free on this machine")


def mtu() -> int:
    """Return how large a packet may be on the way out of this machine."""
    sizes = {link["ifname"]: int(link["mtu"]) for link in json.loads(run("ip", "-json", "link", "show"))}
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "default") or "[]")
    return min([sizes.get(route.get("dev", ""), 1500) for route in routes] or [1500])


def resolver() -> str:
    """Return address and port of the resolver that this machine asks."""
    for file in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        text = file.read_text() if file.is_file() else ""
        for line in text.splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver" and "." in words[1] and not words[1].startswith("127."):
                return f"{words[1]}:53"
    raise SuiteError("/etc/resolv.conf names no IPv4 resolver that a network namespace can reach")


def forwarding() -> bool:
    """Return whether the host passes packets on."""
    return _FORWARD.read_text().strip() == "1"


def connect(world: World, groups: int) -> None:
    """Lay the cable, and let packages of the world out."""
    inner = f"{world.link}i"
    size = str(world.mtu)
    run("ip", "link", "add", world.link, "mtu", size, "type", "veth", "peer", "name", inner, "mtu", size)
    run("ip", "link", "set", inner, "netns", str(world.pid))
    run("ip", "addr", "add", f"{world.outside}/30", "dev", world.link)
    run("ip", "link", "set", world.link, "up")
    inside(world, "ip", "link", "set", inner, "name", "eth0")
    inside(world, "ip", "link", "set", "eth0", "up")
    inside(world, "ip", "addr", "add", f"{world.inside}/30", "dev", "eth0")
    inside(world, "ip", "route", "add", "default", "via", world.outside)
    own = [world.names, world.proxy.partition(":")[0], *(world.group_address(each) for each in range(groups))]
    for address in own:
        inside(world, "ip", "addr", "add", f"{address}/32", "dev", "lo")
    comment = ("-m", "comment", "--comment", world.mark)
    _FORWARD.write_text("1")
    nat = ("-s", f"{world.inside}/32", "!", "-o", world.link)
    run("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *nat, *comment, "-j", "MASQUERADE")
    run("iptables", "-w", "-I", "FORWARD", "-i", world.link, *comment, "-j", "ACCEPT")
    run("iptables", "-w", "-I", "FORWARD", "-o", world.link, *comment, "-j", "ACCEPT")


def inside(world: World, *argv: str) -> str:
    """Run a program of root in the world's network."""
    return run("nsenter", "--net", "--target", str(world.pid), "--", *argv)


def disconnect(world: World) -> None:
    """Remove the cable and the firewall rules, as far as they are there."""
    run("ip", "link", "delete", world.link, check=False)
    for table in ("nat", "filter"):
        for line in run("iptables-save", "-t", table).splitlines():
            if line.startswith("-A ") and world.mark in line:
                words = line.replace('"', "").split()
                run("iptables", "-w", "-t", table, "-D", *words[1:])
    if not world.forwarding:
        _FORWARD.write_text("0")


def switch(world: World, groups: dict[str, str], faults: list[str]) -> None:
    """Switch faults on, and all others off: `GROUP-down`, `GROUP-drop` in the firewall, the rest in the servers."""
    chain = "faults"
    inside(world, "sh", "-c", f"iptables -w -N {chain} 2>/dev/null && iptables -w -I INPUT -j {chain}; true")
    inside(world, "iptables", "-w", "-F", chain)
    answers = {"down": ("REJECT", "--reject-with", "tcp-reset"), "drop": ("DROP",)}
    for fault in faults:
        group, _, what = fault.partition("-")
        if group not in groups:
            raise SuiteError(f"fault `{fault}`: no group `{group}`", expected="one of " + ", ".join(groups))
        if what in answers:
            address = groups[group]
            inside(world, "iptables", "-w", "-A", chain, "-d", address, "-p", "tcp", "-j", *answers[what])
    world.faults.write_text("\n".join(faults) + "\n")
