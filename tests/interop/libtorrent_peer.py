"""A client on Debian's libtorrent as a process of its own: downloads until complete (then exits 0), or seeds."""
import argparse
import sys

import libtorrent as lt

parser = argparse.ArgumentParser(description=__doc__)
what = parser.add_mutually_exclusive_group(required=True)
what.add_argument("--torrent")
what.add_argument("--magnet")
parser.add_argument("--dir", required=True)
parser.add_argument("--ip", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--seed", action="store_true")
parser.add_argument("--dial", nargs="*", default=[], help="ip:port to dial besides the tracker's peers")
parser.add_argument("--encryption", choices=["require", "rc4", "plaintext"], help="refuse peers without it")
args = parser.parse_args()

session = lt.session({
    "listen_interfaces": f"{args.ip}:{args.port}",
    "outgoing_interfaces": args.ip,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    # All nodes are on loopback: more than one connection from an address is no attack here.
    "allow_multiple_connections_per_ip": True,
    # It dials in plain first, and a peer that refuses that is tried the other way after this many seconds.
    "min_reconnect_time": 1,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification
                  | lt.alert.category_t.peer_notification | lt.alert.category_t.tracker_notification
                  | lt.alert.category_t.connect_notification,
})
if args.encryption:
    level = {"require": lt.enc_level.both, "rc4": lt.enc_level.rc4, "plaintext": lt.enc_level.plaintext}
    session.apply_settings({"in_enc_policy": int(lt.enc_policy.forced), "out_enc_policy": int(lt.enc_policy.forced),
                            "allowed_enc_level": int(level[args.encryption])})
if args.magnet:
    params = lt.parse_magnet_uri(args.magnet)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(args.torrent)
params.save_path = args.dir
params.flags = params.flags & ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(params)

finished = False
while args.seed or not finished:
    session.wait_for_alert(500)
    for alert in session.pop_alerts():
        print(f"{type(alert).__name__}: {alert.message()}", flush=True)
        if isinstance(alert, lt.listen_failed_alert):
            sys.exit(9)
        if isinstance(alert, lt.torrent_checked_alert):
            for endpoint in args.dial:
                ip, _, port = endpoint.rpartition(":")
                handle.connect_peer((ip, int(port)))
        if isinstance(alert, lt.torrent_finished_alert):
            finished = True
            print("complete", flush=True)
# The last pieces are on disk once the torrent's cache is flushed.
handle.flush_cache()
flushed = False
while not flushed:
    session.wait_for_alert(500)
    flushed = any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts())
