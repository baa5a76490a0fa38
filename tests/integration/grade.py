"""swarm-lab grade: our client and a plain student's have all points; each mistake costs the stage that it breaks, and the
hint names it."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

from common import Lab, check, main, program

PASSED, LOST, BAD_ARGUMENTS, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
STUDENT = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "students", "student.py")]
DECODE, INFO, PIECE = ("decode.string decode.integer decode.list decode.dict decode.refuse".split(),
                       "info.fields info.hash info.pieces info.files".split(),
                       "piece.first piece.last piece.stream piece.have piece.choke".split())
DOWNLOAD = "download.file download.spread download.corrupt download.dead download.folder".split()
MAGNET = "magnet.handshake magnet.extension magnet.info magnet.blocks magnet.piece magnet.download".split()


def grade(lab, *arguments):
    done = subprocess.run([program("swarm-lab"), "grade", "--out", lab.path("out"), *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=110)
    return done.returncode, done.stdout, done.stderr


def report_of(lab, *arguments):
    path = lab.path("grade.json")
    code, stdout, stderr = grade(lab, "--json", path, *arguments)
    check(code in (PASSED, LOST), f"{code}: {stdout}{stderr}")
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    check((code == PASSED) == (report["failed"] == 0), f"exit code {code}: {stdout}")
    check(not os.path.exists(lab.path("out")), "nothing is left behind")
    return report, stdout


def all_points(lab, *arguments):
    report, stdout = report_of(lab, *arguments)
    check(report["points"] == report["possible"] and report["failed"] == 0, stdout)
    return report, stdout


def our_client():
    with Lab("grade") as lab:
        report, stdout = all_points(lab, "--", program("swarm-client"))
        check(report["possible"] == 100 and len(report["stages"]) == 30, stdout)
        check("100 of 100 points, 30 of 30 stages passed" in stdout, stdout)


def plain_student():
    with Lab("grade") as lab:
        all_points(lab, "--", *STUDENT)


def mistakes(cases):
    for name, stages, lost, hint in cases:
        with Lab("grade") as lab:
            chosen = [word for stage in stages for word in ("--stage", stage)]
            report, stdout = report_of(lab, *chosen, "--", *STUDENT, "--wrong", name)
            failed = {stage["stage"]: stage for stage in report["stages"] if stage["verdict"] == "failed"}
            check(set(failed) == set(lost.split()), f"{name}: {stdout}")
            check(re.search(hint, failed[lost.split()[0]]["hint"]), f"{name}: no {hint!r} in {stdout}")
            check(report["points"] == sum(stage["points"] for stage in report["stages"]) < report["possible"], stdout)


def mistakes_in_decode():
    mistakes([("takes_what_is_there", DECODE, "decode.refuse", "claims more bytes than there are"),
              ("prints_nothing", DECODE, "decode.string", "flush"),
              ("crashes", DECODE, "decode.dict decode.refuse", "crashed"),
              ("floods", ["decode.integer", "decode.list"], "decode.integer", "without end")])


def mistakes_in_info():
    mistakes([("known_keys_only", INFO, "info.hash", "without the keys that your program does not know"),
              ("keys_unsorted", INFO, "info.hash", "in another order"),
              ("no_leading_zeros", INFO, "info.pieces", "leading zeros"),
              ("tracker_encoded", ["info.fields", "magnet.parse"], "magnet.parse", "%3A")])


def mistakes_on_the_wire():
    mistakes([("hash_as_hex", ["peers.list", "handshake.peer"], "peers.list", "40 hex digits"),
              ("ports_little_endian", ["peers.list", "handshake.peer"], "peers.list", "big-endian"),
              ("ignores_failure", ["peers.list", "peers.refused"], "peers.refused", "failure reason"),
              ("one_recv", ["handshake.peer", "handshake.parts"], "handshake.parts", "less than 68 bytes")])


def mistakes_in_pieces():
    mistakes([("last_block_whole", PIECE, "piece.last", "cut the request's length"),
              ("no_keep_alive", PIECE, "piece.stream", "keep-alive"),
              ("needs_bitfield", PIECE, "piece.have", "need not send a bitfield"),
              ("other_file", ["piece.first"], "piece.first", "behind -o")])


def mistakes_that_hang():
    """Such a student is ended at its limit, and so is what it has started elsewhere: however fast the machine is."""
    for name, fine, hangs, hint in (("hangs", "decode.integer", "decode.list", "it hangs"),
                                    ("ignores_choke", "piece.first", "piece.choke", "wait for the unchoke")):
        with Lab("grade") as lab:
            all_points(lab, "--stage", fine, "--", *STUDENT, "--wrong", name)
            for limit in (1, 3):
                report, stdout = report_of(lab, "--time-limit", str(limit), "--stage", hangs, "--", *STUDENT, "--wrong", name)
                stage, = report["stages"]
                check(stage["verdict"] == "failed" and re.search(hint, stage["hint"]), stdout)
                check(stage["came"].startswith(f"nothing within {limit} s"), stdout)
                check(stage["time_s"] >= limit, f"{name}: ended after {stage['time_s']} s, before its {limit} s")
                check(processes_with(f"SWARMLAB_RUN={lab.path('out')}") == [], f"{name}: a process is left")


def mistakes_in_downloads():
    mistakes([("ignores_hashes", DOWNLOAD, "download.corrupt", "SHA-1"),
              ("first_peer_only", DOWNLOAD, "download.dead download.corrupt", "go on with the next"),
              ("ignores_bitfield", DOWNLOAD, "download.spread", "bitfield"),
              ("one_big_file", DOWNLOAD, "download.folder", "one behind the other")])


def mistakes_in_magnets():
    mistakes([("no_extension_id", MAGNET, "magnet.extension", "ut_metadata"),
              ("first_extension", ["magnet.extension"], "magnet.extension", "ut_metadata"),
              ("one_metadata_block", MAGNET, "magnet.blocks", "larger than 16 KiB")])


def bad_input():
    with Lab("grade") as lab:
        for arguments, code, words in (((), BAD_ARGUMENTS, "which program?"),
                                       (("--", lab.path("none")), ENVIRONMENT, "none"),
                                       (("--", lab.write("no-shebang", "x")), ENVIRONMENT, "no-shebang"),
                                       (("--stage", "info.hsh", "--", "true"), BAD_ARGUMENTS, "did you mean info.hash?"),
                                       (("--time-limit", "0", "--", "true"), BAD_ARGUMENTS, "time-limit"),
                                       (("--json", lab.path("no/folder"), "--stage", "decode.string", "--", "true"),
                                        ENVIRONMENT, "no/folder")):
            got, stdout, stderr = grade(lab, *arguments)
            check(got == code and words in stderr, f"{arguments}: {got}: {stdout}{stderr}")
        check(not os.path.exists(lab.path("out")), "nothing is left behind")
        report, _ = report_of(lab, "--", "true")
        check(report["points"] == 0 and report["passed"] == 0, str(report))
        report, _ = report_of(lab, "--stage", "decode.refuse", "--stage", "peers.refused", "--", "false")
        check([stage["verdict"] for stage in report["stages"]] == ["passed", "failed"], str(report))


def outputs():
    """--list, JUnit, the same seed, --keep."""
    with Lab("grade") as lab:
        code, listed, _ = grade(lab, "--list")
        check(code == PASSED and listed.startswith("decode.string") and len(listed.splitlines()) == 30, listed)
        wrong = ["--rng-seed", "5", "--stage", "decode.dict", "--stage", "info.hash", "--", *STUDENT, "--wrong", "keys_unsorted"]
        junit = lab.path("grade.xml")
        first, stdout = report_of(lab, "--junit", junit, *wrong)
        second, _ = report_of(lab, *wrong)
        check(first["rng_seed"] == 5 and first["stages"][1]["expected"] == second["stages"][1]["expected"], stdout)
        check(first["stages"][0]["command"] == second["stages"][0]["command"], "the same values for the same seed")
        other, _ = report_of(lab, "--stage", "decode.dict", "--", *STUDENT)
        check(other["stages"][0]["command"] != first["stages"][0]["command"], "other values for another seed")
        suite = xml.etree.ElementTree.parse(junit).getroot()
        check(suite.get("tests") == "2" and suite.get("failures") == "1", "junit")
        check("another order" in suite.find(".//failure").get("message"), "junit says why")
        check("FAILED   info.hash" in stdout and "hint" in stdout, stdout)
        code, stdout, _ = grade(lab, "--keep", "--stage", "info.fields", "--", *STUDENT)
        kept = re.search("^kept: (.*)$", stdout, re.MULTILINE).group(1)
        check(code == PASSED and any(name.endswith(".torrent") for _, _, names in os.walk(kept) for name in names), stdout)


def processes_with(word):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if word.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def nothing_is_left():
    """Ctrl-C and kill -9 in the middle: neither the student nor what it started in the background lives on."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with Lab("grade") as lab:
            script = lab.write("student.sh", "#!/bin/sh\nsetsid sleep 100 &\nsleep 100\n")
            os.chmod(script, 0o755)
            mark = f"SWARMLAB_RUN={lab.path('out')}"
            node = lab.start("grade", [program("swarm-lab"), "grade", "--out", lab.path("out"), "--", script])
            lab.wait_until(lambda: len(processes_with(mark)) >= 3, "the student runs", [node])
            node.process.send_signal(number)
            code = lab.wait_exit(node, 10)
            check(code in (INTERRUPTED, -signal.SIGKILL), str(code))
            limit = time.monotonic() + 20
            while (processes_with(mark) or os.path.exists(lab.path("out")) and os.listdir(lab.path("out"))) \
                    and time.monotonic() < limit:
                time.sleep(0.05)
            check(processes_with(mark) == [], "a process is left")
            left = os.listdir(lab.path("out")) if os.path.exists(lab.path("out")) else []
            check(left == [], f"left behind: {left}")


main({case.__name__: case for case in (our_client, plain_student, mistakes_in_decode, mistakes_in_info,
                                       mistakes_on_the_wire, mistakes_in_pieces, mistakes_that_hang,
                                       mistakes_in_downloads, mistakes_in_magnets, bad_input, outputs, nothing_is_left)})
