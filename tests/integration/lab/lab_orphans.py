"""kill -9 of the lab at random moments, fifty times: no process, no port, no file is left. Usage: lab_orphans.py CASE."""
import glob
import os
import random
import shutil
import signal
import time

import lab_run
from lab_exec import wait_for
from lab_run import SMALL, check

FOREIGN = """[[nodes]]
kind = "aria2"
[[nodes]]
kind = "transmission"
"""


def listening_in(subnet):
    """TCP sockets that listen on an address of the /24, such as "127.33.7"."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(subnet.split(".")))
    found = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if len(fields[1]) == 13 and fields[1][2:8] == wanted and fields[3] == "0A":
                found.append(fields[1])
    return found


def subnets_of(work):
    """From the command lines of what runs now."""
    found = set()
    for line in work.processes():
        words = line.split()
        for word, value in zip(words, words[1:]):
            if word == "--bind" and value.startswith("127."):
                found.add(value.rpartition(".")[0])
    return found


def shared_temp():
    return set(glob.glob("/tmp/swarm*")) | set(glob.glob("/tmp/aria2*")) | set(glob.glob("/tmp/tr_*"))


def kill_rounds(work, scenario, rounds, longest_s):
    rng = random.Random()
    before = {path for path in shared_temp()}
    seen = kills = attempt = 0
    while kills < rounds:
        attempt += 1
        check(attempt <= 4 * rounds, f"only {kills} of {attempt} labs ran long enough to be killed")
        command = ("run", "exec", "up")[attempt % 3]
        more = ["--", "sh", "-c", "(setsid sleep 300 &) ; sleep 300"] if command == "exec" else []
        process = work.start(scenario, *more, command=command, stdout=-3, stderr=-3)
        end = time.monotonic() + rng.random() * longest_s
        subnets = set()
        while time.monotonic() < end:
            subnets |= subnets_of(work)
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        work.wait_no_process()
        # A run that was over already has left its report, in order.
        wait_for(lambda: not glob.glob(os.path.join(work.out, "*")) or
                 glob.glob(os.path.join(work.out, "*", "report.json")), f"files are left: {glob.glob(work.out + '/*/*')}")
        kills += not glob.glob(os.path.join(work.out, "*"))
        shutil.rmtree(work.out, ignore_errors=True)
        for subnet in subnets:
            # A process that is gone from the table may still be closing its sockets.
            wait_for(lambda: not listening_in(subnet), f"{subnet} is taken")
        seen += bool(subnets)
    check(seen >= rounds // 4, f"only {seen} of {rounds} labs had begun")
    check(not [path for path in shared_temp() - before if work.folder in path], "temporary files")


def fifty_labs_are_killed(work):
    kill_rounds(work, work.scenario(content=SMALL, clients=2), 30, 0.6)
    if shutil.which("aria2c") and shutil.which("transmission-daemon"):
        path = work.scenario(name="f.toml", clients=1)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("[expect]\n", FOREIGN + "[expect]\n"))
        kill_rounds(work, path, 20, 1.2)
    else:
        kill_rounds(work, work.scenario(clients=3), 20, 0.6)


if __name__ == "__main__":
    lab_run.main(globals())
