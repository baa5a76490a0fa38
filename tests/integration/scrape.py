"""swarm-client scrape against our tracker over HTTP, and against trackers that do not answer or answer rubbish."""
import json
import subprocess

from common import (DEAD_TRACKER, EXIT_OK, EXIT_TORRENT, EXIT_TRACKERS, Lab, Payload, bencode, check, main, program,
                    start_seeder)
from tests.support.garbage_tracker import GarbageTracker

EXIT_ARGUMENTS = 2
UNKNOWN = "d69f91e6b2ae4c542468d1073a71d4ea13879a7f"


def scrape(*arguments, code=EXIT_OK):
    """(standard output, lines of standard error)"""
    result = subprocess.run([program("swarm-client"), "scrape", *arguments], stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=30, check=False, text=True)
    check(result.returncode == code, f"{arguments}: {result}")
    return result.stdout, result.stderr.splitlines()


def start_tracker(lab, payload):
    ip = lab.address()

    def argv(port):
        config = lab.write("tracker.toml", f'port = {port}\ntorrentFile = "{payload.torrent_path}"\n')
        return [program("swarm-tracker"), config, "--bind", ip]

    _, port = lab.start_listening("tracker", argv, ip)
    return f"http://{ip}:{port}/announce"


def http_tracker():
    with Lab("scrape") as lab:
        url = start_tracker(lab, Payload(lab))
        payload = Payload(lab, announce=url)
        check(scrape(payload.torrent_path) == (f"{url}: seeds 0, leechers 0, completed 0\n", []), "an empty swarm")

        seeder = start_seeder(lab, payload, payload.write_original(lab))
        lab.wait_until(lambda: seeder.has_event("announce_answered"), "the tracker answers the seeder", [seeder])
        line = f"{url}: seeds 1, leechers 0, completed 0\n"
        check(scrape(payload.torrent_path)[0] == line, "one seed, and asking twice adds nobody")
        magnet = f"magnet:?xt=urn:btih:{payload.shared.info_hash.hex()}&tr={url}&tr={DEAD_TRACKER}"
        out, errors = scrape(magnet)
        check(out == line and len(errors) == 1 and DEAD_TRACKER in errors[0], f"a magnet: {out} {errors}")

        told = json.loads(scrape("--json", magnet)[0])
        check(told["info_hash"] == payload.shared.info_hash.hex(), str(told))
        check(told["trackers"][0] == {"url": url, "known": True, "seeds": 1, "leechers": 0, "completed": 0}, str(told))
        check(told["trackers"][1]["url"] == DEAD_TRACKER and told["trackers"][1]["error"], str(told))
        out, errors = scrape(f"magnet:?xt=urn:btih:{UNKNOWN}&tr={url}")
        check((out, errors) == (f"{url}: seeds 0, leechers 0, completed 0\n", []), f"an unknown one: {out} {errors}")


def exit_codes():
    with Lab("scrape") as lab:
        dead = Payload(lab, announce=DEAD_TRACKER)
        out, errors = scrape(dead.torrent_path, code=EXIT_TRACKERS)
        check(out == "" and len(errors) == 1 and DEAD_TRACKER in errors[0], f"{out} {errors}")
        out, _ = scrape("--json", dead.torrent_path, code=EXIT_TRACKERS)
        check("error" in json.loads(out)["trackers"][0], out)
        _, errors = scrape(UNKNOWN, code=EXIT_TRACKERS)
        check("no tracker" in errors[0], str(errors))
        scrape(lab.path("nowhere.torrent"), code=EXIT_TORRENT)
        scrape("magnet:?dn=x", code=EXIT_TORRENT)
        scrape(dead.torrent_path, "--ca-file", lab.path("nowhere.pem"), code=EXIT_ARGUMENTS)
        scrape(code=EXIT_ARGUMENTS)


def bad_replies():
    with Lab("scrape") as lab:
        payload = Payload(lab)
        info_hash = payload.shared.info_hash
        bodies = {"rubbish": b"<html>", "endless": b"d5:files" + b"d" * 100_000, "number": b"d5:filesi7ee",
                  "failure": b"d14:failure reason6:closede"}
        trackers = [GarbageTracker(lab, body).url for body in bodies.values()]
        out, errors = scrape("magnet:?xt=urn:btih:" + info_hash.hex() + "".join("&tr=" + url for url in trackers),
                             code=EXIT_TRACKERS)
        check(out == "" and len(errors) == len(trackers), f"{out} {errors}")
        check("closed" in errors[-1], str(errors))
        odd = bencode.encode({b"files": {info_hash: {b"complete": -1, b"incomplete": 3, b"downloaded": b"x"}}})
        url = GarbageTracker(lab, odd).url
        out, _ = scrape(f"magnet:?xt=urn:btih:{info_hash.hex()}&tr={url}")
        check(out == f"{url}: seeds ?, leechers 3, completed ?\n", out)


main({"http_tracker": http_tracker, "exit_codes": exit_codes, "bad_replies": bad_replies})
