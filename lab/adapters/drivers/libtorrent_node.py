"""A node of the lab on Debian's libtorrent: downloads, then seeds, until it is told to stop; our events on descriptor 3."""
import argparse
import json
import os
import signal
import sys
import time

import libtorrent as lt

LOCAL_PEER_CLASS = 2  # of peers on loopback and in the own network; unlimited, whatever the session says

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--torrent", required=True)
parser.add_argument("--dir", required=True)
parser.add_argument("--address", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--name", required=True)
parser.add_argument("--up", type=int, default=0, help="bytes/s, 0: no limit")
parser.add_argument("--down", type=int, default=0)
args = parser.parse_args()

begin = time.monotonic()
events = os.fdopen(3, "w", buffering=1, encoding="utf-8")


def emit(event, **fields):
    try:
        events.write(json.dumps({"t": round(time.monotonic() - begin, 6), "node": args.name, "event": event, **fields},
                                separators=(",", ":")) + "\n")
    except BrokenPipeError:
        os._exit(1)  # the lab is gone


stopping = False


def on_signal(_number, _frame):
    global stopping
    stopping = True


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, on_signal)

session = lt.session({
    "listen_interfaces": f"{args.address}:{args.port}",
    "outgoing_interfaces": args.address,
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_utp": False, "enable_outgoing_utp": False,
    "allow_multiple_connections_per_ip": True,
    "min_reconnect_time": 1,
    "upload_rate_limit": args.up, "download_rate_limit": args.down,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
})
if args.up or args.down:
    local = session.get_peer_class(LOCAL_PEER_CLASS)
    local["upload_limit"], local["download_limit"] = args.up, args.down
    session.set_peer_class(LOCAL_PEER_CLASS, local)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(args.torrent)
params.save_path = args.dir
params.flags = params.flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(params)
pieces = params.ti.num_pieces()


def stats(event="stats"):
    status = handle.status()
    emit(event, state="seeding" if status.is_seeding else "downloading", progress=status.progress, have=status.num_pieces,
         pieces=pieces, downloaded=status.all_time_download, uploaded=status.all_time_upload,
         down_rate=status.download_payload_rate, up_rate=status.upload_payload_rate, peers=status.num_peers,
         hash_failures=0, wasted=status.total_redundant_bytes + status.total_failed_bytes)


ready = finished = False
flushed = True
while not stopping:
    session.wait_for_alert(100)
    for alert in session.pop_alerts():
        print(f"{type(alert).__name__}: {alert.message()}", flush=True)
        if isinstance(alert, lt.listen_failed_alert):
            emit("exiting", code=9, reason=alert.message())
            sys.exit(9)
        if isinstance(alert, lt.torrent_checked_alert) and not ready:
            ready = True
            emit("ready", listen=f"{args.address}:{args.port}")
        if isinstance(alert, lt.torrent_finished_alert) and not finished:
            handle.flush_cache()  # complete is what lies on the disk
        if isinstance(alert, lt.cache_flushed_alert) and handle.status().is_seeding and not finished:
            finished = True
            stats("completed")
    if ready:
        stats()
session.pause()
stats()
emit("exiting", code=0, reason="stopped")
