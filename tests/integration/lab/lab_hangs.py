"""What the lab is started with or meets must neither hang nor crash it. Usage: lab_hangs.py CASE, as lab_run.py."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

import lab_run
from lab_exec import command_of, no_folder_is_left, wait_for
from lab_run import Work, check, program, until_running  # noqa: F401


def through_shell(work, script, scenario, *options, command="run"):
    """The lab as "$@" of a script that execs it."""
    process = subprocess.Popen(["sh", "-c", script, "sh", program("swarm-lab"), command, scenario, "--out", work.out,
                                *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    work.started.append(process)
    return process


def closed_standard_descriptors_change_no_verdict(work):
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        process = through_shell(work, f'exec "$@" {closed}', work.scenario())
        process.communicate(timeout=60)
        check(process.returncode == 0, f"{closed}: exit code {process.returncode}")
        check(not work.processes(), f"left behind: {work.processes()}")


def kill_9_without_standard_input_leaves_no_folder(work):
    process = through_shell(work, 'exec "$@" <&-', work.scenario(), "--bin-dir", work.fake_bin("idle"))
    until_running(work, process, 4)
    process.kill()
    process.wait()
    work.wait_no_process()
    wait_for(lambda: no_folder_is_left(work), "the folder is removed")


def a_limit_reaches_nodes_that_do_not_listen_yet(work):
    """Before their handlers are there, and between end and start: nobody dies of it, and it holds."""
    scenario = work.scenario(expect='nobody_completes_for = "2s"\n' + "".join(
        f'[[timeline]]\n{when}\ndo = "{do}"\nnodes = "client-*"\n{rate}\n' for when, do, rate in (
            ('at = "0s"', "limit", 'download = "200 kB/s"'), ('at = "500ms"', "restart", ""),
            ('at = "500ms"', "limit", 'download = "100 kB/s"'))))
    code, stdout, stderr = work.run(scenario)
    check(code == 0, f"exit code {code}: {stdout}{stderr}")


def exec_starts_its_command_without_a_node_that_was_taken_down(work):
    path = work.scenario(expect='''[[timeline]]
when = "any * is ready"
do = "restart"
nodes = "client-2"
[[timeline]]
at = "1ms"
do = "kill"
nodes = "client-2"
''')
    code, stdout, stderr = work.run(path, "--", "echo", "hi", command="exec")
    check(code == 0 and stdout == "hi\n", f"{code}: {stdout}{stderr}")


def exec_that_waits_for_completion_ends_with_the_limit(work):
    path = work.scenario(client_options='link = { down = "100 kB/s" }', expect='''all_complete_within = "2s"
[exec]
wait_for = "complete"
[[timeline]]
at = "200ms"
do = "kill"
nodes = "seeder-1"
''')
    code, stdout, stderr = work.run(path, "--", "echo", "hi", command="exec")
    check(code == 1 and stdout == "" and "not complete in time" in stderr, f"{code}: {stdout}{stderr}")


def exec_of_a_command_that_is_none_ends_with_3(work):
    """Also where every client is complete by then."""
    code, _, stderr = work.run(work.scenario(expect='[exec]\nwait_for = "complete"'), "--", "nonesuch", command="exec")
    check(code == 3 and "nonesuch" in stderr and "complete" not in stderr, f"{code}: {stderr}")


def many_nodes_start_with_a_low_limit_on_open_files(work):
    """The lab raises its own limit; what it starts has the user's."""
    process = through_shell(work, 'ulimit -Sn 24; exec "$@"', work.scenario(clients=6), "--", "sh", "-c", "ulimit -Sn", command="exec")
    stdout, stderr = process.communicate(timeout=60)
    check(process.returncode == 0 and stdout == "24\n", f"{process.returncode}: {stdout}{stderr}")


def an_answer_that_cannot_be_written_ends_with_3(work):
    for command, options in (("run", ("--json",)), ("up", ())):
        process = through_shell(work, 'exec "$@" >/dev/full', work.scenario(), *options, command=command)
        _, stderr = process.communicate(timeout=60)
        check(process.returncode == 3 and "standard output" in stderr, f"{command}: {process.returncode}: {stderr}")
        check(not work.processes(), f"left behind: {work.processes()}")


def up_detached_ends_where_nobody_waits_for_it(work):
    process = work.start(work.scenario(), "--detach", command="up")
    until_running(work, process, 1)
    process.kill()
    process.communicate()
    work.wait_no_process(30)


def a_lab_that_is_paused_does_not_hang_ps(work):
    process = work.start(work.scenario(), "--detach", command="up")
    lab = json.loads(process.communicate(timeout=60)[0])["lab_pid"]
    os.kill(lab, signal.SIGSTOP)
    try:
        listed = work.lab("ps", "--out", work.out)
        stdout, _ = listed.communicate(timeout=40)
        down = work.lab("down", "--out", work.out)
        _, stderr = down.communicate(timeout=40)
    finally:
        os.kill(lab, signal.SIGCONT)
    check("does not answer" in stdout and "does not answer" in stderr, f"{stdout}{stderr}")
    check(down.returncode == 2, f"{down.returncode}")
    down = work.lab("down", "--out", work.out)
    check("is down" in down.communicate(timeout=40)[0], "down")


def a_file_of_content_that_is_one_file_has_its_hash(work):
    one = os.path.join(work.folder, "one.txt")
    with open(one, "wb") as file:
        file.write(b"x" * 100_000)
    for wanted, code in ((hashlib.sha1(b"x" * 100_000).hexdigest(), 0), ("0" * 40, 1)):
        scenario = work.scenario(content='path = "one.txt"', expect=(
            'files = [{ nodes = "client-*", path = "one.txt", sha1 = "' + wanted + '" }]'))
        ended, stdout, stderr = work.run(scenario)
        check(ended == code, f"exit code {ended}: {stdout}{stderr}")


def folders_may_be_called_anything(work):
    """Also where their names stand in another program's file."""
    if not shutil.which("rtorrent"):
        sys.exit(77)
    work.out = os.path.join(work.folder, "m 'n\\ \"o")
    path = work.scenario(clients=1)
    with open(path, "a", encoding="utf-8") as file:
        file.write('[[nodes]]\nkind = "rtorrent"\n')
    code, stdout, stderr = work.run(path)
    check(code == 0, f"exit code {code}: {stdout}{stderr}")


def exec_passes_the_nodes_however_many_they_are(work):
    script = """import json, os
with open(os.environ["SWARMLAB_NODES_FILE"]) as file:
    nodes = json.load(file)
print(len(nodes), os.environ.get("SWARMLAB_NODES") is not None)
assert json.loads(os.environ.get("SWARMLAB_NODES", "null")) in (None, nodes)
"""
    work.out = os.path.join(work.folder, "d" * 200, "d" * 200)
    for count, is_there in ((1, True), (200, False)):
        path = work.scenario(clients=1, client_options="[[nodes]]\nkind = \"client\"\nname = \"x\"\n"
                             f"start = \"on demand\"\ncount = {count}")
        code, stdout, stderr = work.run(path, "--", *command_of(work, script), command="exec")
        check(code == 0 and stdout == f"{count + 3} {is_there}\n", f"{code}: {stdout}{stderr}")


def ctrl_c_while_a_tracker_waits_for_its_torrent_ends_at_once(work):
    if not shutil.which("opentracker"):
        sys.exit(77)
    fake = work.fake_bin("slow-create")
    path = work.scenario()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("[tracker]", '[tracker]\nkind = "opentracker"'))
    process = work.start(path, "--bin-dir", fake)
    wait_for(lambda: any(" create " in line for line in work.processes()), "the torrent is being made")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    check(process.returncode == 130, f"{process.returncode}: {stderr}")
    check(not work.processes(), f"left behind: {work.processes()}")


if __name__ == "__main__":
    lab_run.main(globals())
