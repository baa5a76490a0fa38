"""What the lab is started with or meets must neither hang nor crash it. Usage: lab_hangs.py CASE, as lab_run.py."""
import os
import subprocess

import lab_run
from lab_exec import no_folder_is_left, wait_for
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


if __name__ == "__main__":
    lab_run.main(globals())
