"""swarm-lab exec: a command inside a swarm. Usage: lab_exec.py CASE, as lab_run.py."""
import glob
import json
import os
import signal
import sys
import time

import lab_run
from lab_run import Work, check, expectation, real_tree, until_running  # noqa: F401

SCRIPT = """
import json, os, sys, urllib.request
url, torrent = os.environ["SWARMLAB_TRACKER_URL"], os.environ["SWARMLAB_TORRENT"]
nodes = {n["name"]: n for n in json.loads(os.environ["SWARMLAB_NODES"])}
assert list(nodes) == ["tracker", "seeder-1", "client-1", "client-2"], nodes
assert nodes["tracker"]["kind"] == "tracker" and url.startswith("http://" + nodes["tracker"]["listen"]), (url, nodes)
for name in ("seeder-1", "client-1"):
    ip, _, port = nodes[name]["listen"].rpartition(":")
    assert ip == nodes[name]["address"] and int(port) > 0 and os.path.isdir(nodes[name]["folder"]), nodes[name]
assert open(torrent, "rb").read(11) == b"d8:announce", torrent
assert torrent.startswith(os.environ["SWARMLAB_RUN"] + "/"), torrent
assert urllib.request.urlopen(url.replace("/announce", "/scrape")).status == 200, url
print("seen", sys.stdin.read())
sys.exit(int(sys.argv[1]))
"""


def wait_for(condition, what, timeout_s=20):
    end = time.monotonic() + timeout_s
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.01)


def no_folder_is_left(work):
    return not glob.glob(os.path.join(work.out, "*"))


def command_of(work, text):
    path = os.path.join(work.folder, "command.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return [sys.executable, path]


def the_command_sees_the_swarm_and_its_exit_code_is_ours(work):
    for code in (0, 7):
        process = work.start(work.scenario(), "--", *command_of(work, SCRIPT), str(code), command="exec", stdin=-1)
        stdout, stderr = process.communicate("what we say", timeout=60)
        check(process.returncode == code and stdout == "seen what we say\n" and stderr == "", f"{code}: {stdout}{stderr}")
        check(not work.processes(), "processes are left")
        # The name alone is a link to the last run.
        with open(os.path.join(work.out, "t", "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        check(expectation(report, "command")["held"] == (code == 0), f"{report['expectations']}")


def a_swarm_that_does_not_come_up_starts_no_command(work):
    mark = os.path.join(work.folder, "mark")
    scenario = work.scenario(clients=1, client_options="options = { no-such-option = 1 }")
    code, _, stderr = work.run(scenario, "--", "touch", mark, command="exec")
    check(code == 2 and "client-1 ended too early" in stderr and "logs: " in stderr, f"{code}: {stderr}")
    check(not os.path.exists(mark), "the command ran")


def it_waits_for_completion_where_the_scenario_says_so(work):
    path = work.scenario(expect='[exec]\nwait_for = "complete"')
    text = ('import json, os, sys\n'
            'nodes = json.loads(os.environ["SWARMLAB_NODES"])\n'
            'sys.exit(not all(n["complete"] for n in nodes if n["kind"] == "client"))\n')
    code, _, stderr = work.run(path, "--", *command_of(work, text), command="exec")
    check(code == 0, f"{code}: {stderr}")
    held = [e["name"] for e in work.report()["expectations"] if e["held"]]
    check("files_identical" in held and "command" in held, f"{held}")
    code, _, stderr = work.run(work.scenario(expect='[exec]\nwait_for = "completion"'), "--", "true", command="exec")
    check(code == 2 and 'wanted "ready" or "complete"' in stderr, f"{code}: {stderr}")


def what_the_command_leaves_running_is_gone(work):
    marked = os.path.join(work.folder, "daemon.py")
    with open(marked, "w", encoding="utf-8") as file:
        file.write("import os, time\nos.setsid()\ntime.sleep(600)\n")
    code, _, stderr = work.run(work.scenario(), "--", "sh", "-c", f"'{sys.executable}' '{marked}' >/dev/null 2>&1 & exit 3",
                               command="exec")
    check(code == 3, f"{code}: {stderr}")
    check(not work.processes(), f"left behind: {work.processes()}")


def a_signal_reaches_the_command_and_ends_all(work):
    mark = os.path.join(work.folder, "mark")
    text = ("import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
            f"open({mark!r}, 'w').close()\n"
            "time.sleep(600)\n")
    process = work.start(work.scenario(), "--", *command_of(work, text), command="exec")
    wait_for(lambda: os.path.exists(mark), "the command runs")
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)
    check(process.returncode == 5, f"{process.returncode}: {stderr}")
    check(not work.processes(), f"left behind: {work.processes()}")


def kill_9_of_the_lab_ends_the_command_and_all_it_started(work):
    mark = os.path.join(work.folder, "mark")
    text = ("import os, subprocess, sys, time\n"
            "if len(sys.argv) == 1:\n"
            "    subprocess.Popen([sys.executable, __file__, 'again'], start_new_session=True)\n"
            "else:\n"
            f"    open({mark!r}, 'w').close()\n"
            "time.sleep(600)\n")
    process = work.start(work.scenario(), "--", *command_of(work, text), command="exec", stdout=-3, stderr=-3)
    wait_for(lambda: os.path.exists(mark), "the command runs")
    process.kill()
    process.wait()
    work.wait_no_process()
    wait_for(lambda: no_folder_is_left(work), "the folder is removed")


def a_folder_left_behind_is_cleaned_by_the_next_run(work):
    """Lab and guard are both killed: nobody is there to clean."""
    for keep in (False, True):
        process = work.start(work.scenario(), *(["--keep"] if keep else []), "--", "sleep", "600", command="exec",
                             stdout=-3, stderr=-3)
        until_running(work, process, 4)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
            children = [int(pid) for pid in file.read().split()]
        guards = [pid for pid in children if open(f"/proc/{pid}/comm", encoding="utf-8").read() == "swarm-lab-guard\n"]
        check(len(guards) == 1, f"{children}")
        os.kill(guards[0], signal.SIGKILL)
        process.kill()
        process.wait()
        left = work.runs()[0]
        check(os.path.exists(left + "/lock"), "the lock file")
        code, _, stderr = work.run(work.scenario())
        check(code == 0 and (left in stderr) , f"{code}: {stderr}")
        check(not os.path.exists(left + "/lock"), f"{left}")  # a later run may have the folder's name
        check(len(work.runs()) == (2 if keep else 1), f"{work.runs()}")
        lab_run.shutil.rmtree(work.out)


def bad_command_lines(work):
    code, _, stderr = work.run(work.scenario(), command="exec")
    check(code == 2 and "COMMAND" in stderr, f"{code}: {stderr}")
    code, _, stderr = work.run(work.scenario(), "--", "no-such-program", command="exec")
    check(code == 3 and "no-such-program" in stderr, f"{code}: {stderr}")
    code, _, stderr = work.run(work.scenario(expect="nonsense = 1"), "--", "true", command="exec")
    check(code == 2 and "nonsense" in stderr, f"{code}: {stderr}")


if __name__ == "__main__":
    lab_run.main(globals())
