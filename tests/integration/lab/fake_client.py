"""A swarm-client that misbehaves; the lab starts it through a wrapper that sets FAKE_MODE. `create` is the real one's."""
import json
import os
import signal
import sys
import time

mode = os.environ["FAKE_MODE"]
arguments = sys.argv[1:]
if arguments[:1] == ["create"] and mode == "slow-create":
    time.sleep(600)
if arguments[:1] == ["create"] or arguments == ["--version"]:
    real = os.path.join(os.environ["BT_BIN_DIR"], "swarm-client")
    os.execv(real, [real, *arguments])


def option(name):
    return arguments[arguments.index(name) + 1]


def event(kind, **fields):
    os.write(3, (json.dumps({"t": time.monotonic(), "node": "client", "event": kind, **fields},
                            separators=(",", ":")) + "\n").encode())


# The lab holds them back from what it starts as ours, until it watches for them.
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
event("ready", listen=option("--bind") + ":1")
if mode == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if mode == "corrupt":
    # The right files, but for one byte.
    original = os.environ["FAKE_ORIGINAL"]
    top = os.path.join(option("--outdir"), os.path.basename(original))
    os.makedirs(top)
    for name in os.listdir(original):
        with open(os.path.join(original, name), "rb") as source:
            data = bytearray(source.read())
        if name == "b":
            data[70_000] ^= 1
        with open(os.path.join(top, name), "wb") as copy:
            copy.write(data)
if mode != "idle":
    event("completed")
while True:
    signal.pause()
