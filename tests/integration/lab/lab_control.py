"""swarm-lab up, down, ps, ctl and control; the examples of lab/examples. Usage: lab_control.py CASE, as lab_run.py."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import lab_run
from lab_exec import no_folder_is_left, wait_for
from lab_run import ROOT, SMALL, check, program, until_running
from tests.support.nodes import is_listening

EXAMPLES = os.path.join(ROOT, "lab", "examples")


def asked(work, *arguments, code=0):
    process = work.lab(*arguments, "--out", work.out)
    stdout, stderr = process.communicate(timeout=60)
    check(process.returncode == code, f"{arguments}: {process.returncode}: {stdout}{stderr}")
    return stdout if code == 0 else stderr


class Control:
    def __init__(self, work):
        self.process = work.lab("control", "--out", work.out, stdin=subprocess.PIPE)
        self.count = 0
        self.others = []

    def send(self, **request):
        self.count += 1
        self.say(json.dumps({"id": self.count, **request}))
        return self.count

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self, wanted):
        while True:
            line = self.process.stdout.readline()
            check(line, "control ended")
            answer = json.loads(line)
            if answer.get("id") == wanted and "event" not in answer:
                return answer
            self.others.append(answer)

    def ask(self, **request):
        answer = self.answer(self.send(**request))
        check(answer["ok"], f"{request}: {answer}")
        return answer

    def refused(self, **request):
        answer = self.answer(self.send(**request))
        check(not answer["ok"], f"{request}: {answer}")
        return answer["error"]


def nodes_of(work):
    runs = json.loads(asked(work, "ps", "--json"))
    check(len(runs) == 1 and runs[0]["up"], f"{runs}")
    return {node["name"]: node for node in runs[0]["swarm"]["nodes"]}


def up_detached_until_down(work):
    line = json.loads(asked(work, "up", work.scenario(), "--detach"))
    check(line["tracker_url"].startswith("http://127.") and os.path.exists(line["torrent"]), f"{line}")
    check([n["phase"] for n in line["nodes"]] == ["ready"] * 4, f"{line['nodes']}")
    check("several" not in asked(work, "ps"), "ps")
    wait_for(lambda: all(nodes_of(work)[f"client-{i}"]["complete"] for i in (1, 2)), "complete")
    check("t is down" in asked(work, "down", "t"), "down")
    check(not work.processes(), f"left behind: {work.processes()}")
    check(work.report()["verdict"] == "held" and work.report()["outcome"] == "complete", f"{work.report()}")
    check(not os.path.exists(work.runs()[0] + "/control.sock") and not os.path.exists(work.runs()[0] + "/lock"), "files")
    check("no swarm" in asked(work, "down", "t", code=2), "down again")


def up_in_the_foreground_ends_with_ctrl_c(work):
    process = work.start(work.scenario(), command="up")
    line = json.loads(process.stdout.readline())
    check(line["name"] == "t", f"{line}")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    check(process.returncode == 0, f"{process.returncode}: {stderr}")
    check(not work.processes(), f"left behind: {work.processes()}")


def up_that_does_not_come_up_says_why(work):
    scenario = work.scenario(client_options="options = { no-such-option = 1 }")
    for options in ((), ("--detach",)):
        process = work.start(scenario, *options, command="up")
        stdout, stderr = process.communicate(timeout=30)
        check(process.returncode == 2 and stdout == "" and "did not come up" in stderr, f"{process.returncode}: {stderr}")
        check("no-such-option" in stderr, stderr)
        work.wait_no_process()


def nodes_are_handled_by_hand(work):
    asked(work, "up", work.scenario(), "--detach")
    first = nodes_of(work)["client-1"]
    asked(work, "ctl", "client-1", "kill")
    wait_for(lambda: nodes_of(work)["client-1"]["phase"] == "ended", "killed")
    asked(work, "ctl", "client-1", "start")
    wait_for(lambda: nodes_of(work)["client-1"]["phase"] == "ready", "started again")
    again = nodes_of(work)["client-1"]
    check(again["listen"] == first["listen"] and again["pid"] != first["pid"], f"{first} {again}")
    asked(work, "ctl", "client-2", "pause")

    def state_of(pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    pid = nodes_of(work)["client-2"]["pid"]
    wait_for(lambda: state_of(pid) == "T", "paused")
    asked(work, "ctl", "client-2", "resume")
    wait_for(lambda: state_of(pid) != "T", "resumed")
    asked(work, "ctl", "client-*", "limit", "--upload", "100k")
    asked(work, "ctl", "client-1", "restart")
    wait_for(lambda: nodes_of(work)["client-1"].get("pid", again["pid"]) != again["pid"], "restarted")
    check("nobody" in asked(work, "ctl", "nobody", "kill", code=2), "an unknown node")
    check("frob" in asked(work, "ctl", "client-1", "frob", code=2), "an unknown action")
    asked(work, "down")
    check(not work.processes(), f"left behind: {work.processes()}")


def a_node_hears_of_its_end_however_early_it_is_told(work):
    """A client that is on its way to its program: the signal waits for it there, and it ends in order."""
    path = work.scenario()
    with open(path, "a", encoding="utf-8") as file:
        file.write('\n[[nodes]]\nkind = "client"\nname = "late"\nstart = "on demand"\n')
    door, folder = os.path.join(work.folder, "door"), os.path.join(work.folder, "bin")
    os.makedirs(folder)
    for name in ("swarm-tracker", "swarm-seeder"):
        os.symlink(os.path.abspath(program(name)), os.path.join(folder, name))
    wrapper = os.path.join(folder, "swarm-client")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n[ ! -p '{door}' ] || read nothing < '{door}'\nexec '{os.path.abspath(program('swarm-client'))}' \"$@\"\n")
    os.chmod(wrapper, 0o755)
    asked(work, "up", path, "--detach", "--bin-dir", folder)
    os.mkfifo(door)
    asked(work, "ctl", "late-1", "start")
    wait_for(lambda: nodes_of(work)["late-1"].get("pid"), "started")
    pid = nodes_of(work)["late-1"]["pid"]

    def waits_for_it():
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                words = dict(line.split(":", 1) for line in file)
        except FileNotFoundError:
            return True  # it has ended: the report says how
        return int(words["ShdPnd"], 16) >> (signal.SIGTERM - 1) & 1

    process = work.lab("down", "--out", work.out)
    wait_for(waits_for_it, "told")
    with open(os.open(door, os.O_RDWR | os.O_NONBLOCK), "w", encoding="utf-8") as file:
        file.write("go\n")
        file.flush()
        stdout, stderr = process.communicate(timeout=60)
    check(process.returncode == 0, f"down: {process.returncode}: {stdout}{stderr}")
    late = next(node for node in work.report()["nodes"] if node["name"] == "late-1")
    check(late["signal"] is None and late["exit_code"] in (0, 130), f"{late}")
    check(work.report()["verdict"] == "held", f"{work.report()}")


def links_are_cut_by_hand(work):
    """A client that is cut off stays where it is, and completes when it is healed."""
    path = work.scenario()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    asked(work, "up", path, "--detach")
    check("relay = true" in asked(work, "ctl", "client-1", "partition", code=2), "links do not go through the lab")
    asked(work, "down")
    with open(path, "w", encoding="utf-8") as file:
        file.write("relay = true\n" + text + "".join(
            f'\n[[nodes]]\nkind = "client"\nname = "{name}"\nstart = "on demand"\n' for name in ("cut", "free")))
    asked(work, "up", path, "--detach")
    check("nobody" in asked(work, "ctl", "client-1", "partition", "--from", "nobody", code=2), "an unknown other side")
    check("from" in asked(work, "ctl", "client-1", "kill", "--from", "client-2", code=2), "from is of links")
    asked(work, "ctl", "cut-1", "partition")
    asked(work, "ctl", "cut-1", "start")
    wait_for(lambda: nodes_of(work)["cut-1"]["phase"] == "ready", "started")
    asked(work, "ctl", "free-1", "start")
    wait_for(lambda: nodes_of(work)["free-1"]["complete"], "one that is not cut off completes")
    check(not nodes_of(work)["cut-1"]["complete"], "one that is cut off does not")
    asked(work, "ctl", "cut-1", "heal", "--from", "tracker")
    asked(work, "ctl", "cut-1", "heal")
    wait_for(lambda: nodes_of(work)["cut-1"]["complete"], "healed, it completes")
    asked(work, "down")
    check(not work.processes(), f"left behind: {work.processes()}")


def kill_9_of_a_detached_lab_leaves_nothing(work):
    line = json.loads(asked(work, "up", work.scenario(), "--detach"))
    os.kill(line["lab_pid"], signal.SIGKILL)
    work.wait_no_process()
    wait_for(lambda: no_folder_is_left(work), "the folder is removed")
    ip, port = line["nodes"][0]["listen"].split(":")
    check(not is_listening(ip, int(port)), "the port")


def control_answers_each_request_with_its_id(work):
    control = Control(work)
    check("no swarm" in control.refused(do="nodes"), "before start")
    scenario = {"name": "inline", "content": {"recipe": SMALL.split('"')[1], "piece_length": "16 KiB"},
                "tracker": {"interval": "1s"}, "nodes": [{"kind": "seeder"}, {"kind": "client", "count": 2}]}
    check("recipy" in control.refused(do="start", inline={**scenario, "content": {"recipy": "x"}}), "an unknown key")
    run = control.ask(do="start", inline=scenario)["run"]
    check("one swarm" in control.refused(do="start", inline=scenario), "a second one")
    subscription = control.send(do="subscribe", query="client-1: piece_verified")
    complete = control.send(do="wait", **{"for": "complete", "timeout": 60})  # answered behind the next one
    endpoints = control.ask(do="wait", **{"for": "ready", "timeout": 60})["endpoints"]
    check(endpoints["run"] == run and endpoints["tracker_url"].startswith("http://127."), f"{endpoints}")
    early = [a for a in control.others if a.get("id") == complete]
    answer = early[0] if early else control.answer(complete)
    check(answer["ok"] and answer["completion_s"] > 0, f"{answer}")
    seen = [a["event"] for a in control.others if a.get("id") == subscription and "event" in a]
    counted = control.ask(do="events", query="client-1: piece_verified", limit=3)
    check(counted["count"] == 64 and len(counted["events"]) == 3, f"{counted['count']}")
    check(len(seen) == 64 and all(e["node"] == "client-1" for e in seen), f"{len(seen)} events seen")
    check("not in time" in control.refused(do="wait", **{"for": "client-1 is down", "timeout": 0.05}), "a wait in vain")
    for bad in ({"do": "wait", "for": "nonsense"}, {"do": "frob"}, {"do": "events", "query": "("}, {}):
        control.refused(**bad)
    check("timeout" in control.refused(do="wait", **{"for": "client-1 is down", "timout": 5}), "a misspelt key")
    check("piece" in control.refused(do="ctl", node="client-1", action="kill", piece=1), "a key of another action")
    control.say("no JSON")
    check("in one line (at byte 1)" in control.answer(None)["error"], "no JSON")
    control.say('{"id":' + "[" * 500000)
    check("nested deeper" in control.answer(None)["error"], "brackets alone")
    stopped = control.ask(do="stop")
    check(stopped["report"]["verdict"] == "held" and stopped["exit_code"] == 0, f"{stopped}")
    check(control.ask(do="report")["report"]["scenario"] == "inline", "report")
    control.ask(do="start", scenario="small")  # another one
    control.ask(do="wait", **{"for": "ready"})
    control.process.stdin.close()
    check(control.process.wait(20) == 0, "the end of its input ends it")
    check(not work.processes(), f"left behind: {work.processes()}")


def control_ends_with_its_driver(work):
    driver = os.path.join(work.folder, "driver.py")
    with open(driver, "w", encoding="utf-8") as file:
        file.write(f"""import subprocess, sys, time
lab = subprocess.Popen([{program("swarm-lab")!r}, "control", "--out", {work.out!r}], stdin=subprocess.PIPE)
lab.stdin.write(b'{{"do":"start","scenario":"small"}}\\n')
lab.stdin.flush()
time.sleep(600)
""")
    process = subprocess.Popen([sys.executable, driver], stdout=subprocess.DEVNULL)
    work.started.append(process)
    until_running(work, process, 5)
    process.kill()
    process.wait()
    work.wait_no_process()


def example(work, *command):
    environment = {**os.environ, "SWARM_LAB": program("swarm-lab"), "OUT": work.out, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    check(done.returncode == 0, f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    check(not work.processes(), f"left behind: {work.processes()}")
    return done.stdout


def the_python_example(work):
    check("held after" in example(work, sys.executable, os.path.join(EXAMPLES, "drive.py")), "verdict")


def need_node():
    if not shutil.which("node"):
        sys.exit(77)


def the_node_example(work):
    need_node()
    check("held after" in example(work, "node", os.path.join(EXAMPLES, "drive.mjs")), "verdict")


def in_swarm(work, *command):
    return example(work, program("swarm-lab"), "exec", os.path.join(ROOT, "lab/scenarios/small.toml"), "--out", work.out,
                   "--", *command)


def a_pytest_file_runs_in_a_swarm(work):
    said = in_swarm(work, "/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES + "/test_swarm.py")
    check("3 passed" in said, said)


def a_node_test_file_runs_in_a_swarm(work):
    need_node()
    said = in_swarm(work, "node", "--test", EXAMPLES + "/swarm.test.mjs")
    check("pass 3" in said, said)


if __name__ == "__main__":
    lab_run.main(globals())
