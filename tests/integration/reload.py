"""SIGHUP has swarm-client read its command line and --config again: new limits hold at once, a mistake changes nothing."""
import os
import signal

from common import DEAD_TRACKER, EXIT_OK, KIB, Lab, Payload, check, main, peers_file, start_client, start_seeder

SIZE = 4096 * KIB
SLOW = "64KiB/s"  # a minute for all of it
PATIENCE_S = 20


def said(node, words):
    return any(words in line for line in node.stderr_lines())


def slow_download(lab):
    payload = Payload(lab, size=SIZE, announce=DEAD_TRACKER)
    seeder = start_seeder(lab, payload, payload.write_original(lab))
    lab.wait_until(seeder.listen_endpoint, "the seeder is ready", [seeder], timeout_s=15)
    ip, port = seeder.listen_endpoint()
    config = lab.write("client.toml", f'download-limit = "{SLOW}"\n')
    outdir = lab.make_dir("out")
    client = start_client(lab, payload, outdir, "--config", config, "--peers", peers_file(lab, f"{ip}:{port}"))
    lab.wait_until(lambda: any(e["downloaded"] > 0 for e in client.events("stats")), "blocks come", [client])
    return payload, client, config, outdir


def new_limits():
    with Lab("reload", 90) as lab:
        payload, client, config, outdir = slow_download(lab)
        check(client.running, "the limit did not hold")
        lab.write(os.path.basename(config), 'download-limit = "0"\n')
        os.kill(client.process.pid, signal.SIGHUP)
        lab.wait_until(lambda: not client.running, "it ends soon", timeout_s=PATIENCE_S)
        check(client.exit_code == EXIT_OK and payload.is_in(outdir), f"exit code {client.exit_code}")
        check(said(client, "limits were read again"), "it says nothing of the new limits")


def bad_config():
    with Lab("reload", 90) as lab:
        _, client, config, _ = slow_download(lab)
        lab.write(os.path.basename(config), 'download-limmit = "0"\n')
        os.kill(client.process.pid, signal.SIGHUP)
        lab.wait_until(lambda: said(client, "limits stay"), "it says that nothing changes", [client], timeout_s=PATIENCE_S)
        check(said(client, "download-limmit"), "it does not name the mistake")
        seen = len(client.events("stats"))
        lab.wait_until(lambda: len(client.events("stats")) > seen + 10, "it goes on", [client], timeout_s=PATIENCE_S)
        rate = client.events("stats")[-1]["down_rate"]
        check(client.running and rate < 3 * 64 * KIB, f"{rate} bytes/s")


main({"new_limits": new_limits, "bad_config": bad_config})
