"""What tshark makes of a capture."""
import subprocess

from tests.support.nodes import check


def decode(path, display_filter, *fields):
    """One list of values a packet."""
    argv = ["tshark", "-r", path, "-Y", display_filter, "-T", "fields", "-E", "separator=\t"]
    for field in fields:
        argv += ["-e", field]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, timeout=60)
    check(done.returncode == 0, f"tshark: {done.stderr}")
    check("cut short" not in done.stderr and "damaged" not in done.stderr, f"tshark: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def message_types(path):
    return [kind for (kinds,) in decode(path, "bittorrent.msg.type", "bittorrent.msg.type") for kind in kinds.split(",")]


def nothing_malformed(path):
    bad = decode(path, "_ws.malformed or (tcp.analysis.flags and not tcp.analysis.keep_alive)", "frame.number",
                 "_ws.col.Info")
    check(not bad, f"malformed or out of order: {bad[:5]}")
