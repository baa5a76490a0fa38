"""wrk loads swarm-tracker over HTTP for two seconds: many peers of many torrents announce, some scrape. Every answer has
status 200 and is a bencoded dictionary; none is a failure."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support.nodes import Lab, check, program, run_test  # noqa: E402

SECONDS = 2
LEAST = 1_000  # answers: this is no bench, a loaded machine may be slow

SCRIPT = r"""
local n = 0
request = function()
    n = n + 1
    local hash = string.format("%020d", n % 100)
    if n % 50 == 0 then return wrk.format("GET", "/scrape?info_hash=" .. hash) end
    return wrk.format("GET", string.format("/announce?info_hash=%s&peer_id=%020d&port=%d&uploaded=0&downloaded=0&left=%d"
        .. "&numwant=%d", hash, n, 1024 + n % 60000, n % 3, n % 60))
end
local bad = 0
response = function(status, headers, body)
    if status ~= 200 or body:sub(1, 1) ~= "d" or body:sub(-1) ~= "e" or body:find("failure reason", 1, true) then
        bad = bad + 1
        if bad == 1 then print("BAD " .. status .. " " .. body) end
    end
end
"""


def wrk_load():
    check(shutil.which("wrk"), "install the package wrk")
    with Lab("wrk") as lab:
        ip = lab.address()
        config = lab.write("tracker.toml", "port = 0\n")
        tracker = lab.start("tracker", [program("swarm-tracker"), config, "--bind", ip, "--events",
                                        lab.path("tracker.events"), "--events-level", "summary"])
        lab.wait_until(tracker.listen_endpoint, "the tracker is ready", [tracker])
        port = tracker.listen_endpoint()[1]
        script = lab.write("load.lua", SCRIPT)
        result = subprocess.run(["wrk", "-t1", "-c64", f"-d{SECONDS}s", "-s", script, f"http://{ip}:{port}/announce"],
                                capture_output=True, timeout=60, check=False, text=True)
        check(result.returncode == 0 and "BAD" not in result.stdout, f"{result.stdout}{result.stderr}")
        check("Socket errors" not in result.stdout and "Non-2xx" not in result.stdout, result.stdout)
        answers = int(next(line for line in result.stdout.splitlines() if " requests in " in line).split()[0])
        check(answers >= LEAST, f"{answers} answers in {SECONDS} s")
        lab.wait_until(lambda: tracker.events("stats")[-1]["announces"] + tracker.events("stats")[-1]["scrapes"]
                       >= answers, "its statistics have them all", [tracker], timeout_s=10)
        check(tracker.events("stats")[-1]["refused"] == 0, "it refused some")
        print(f"{answers // SECONDS} answers a second")


run_test(wrk_load)
