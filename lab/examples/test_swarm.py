"""A pytest file that runs inside a swarm:

    swarm-lab exec lab/scenarios/small.toml -- python3 -m pytest lab/examples/test_swarm.py
"""
import json
import os
import socket
import time
import urllib.parse
import urllib.request

import pytest


@pytest.fixture
def nodes():
    return {node["name"]: node for node in json.loads(os.environ["SWARMLAB_NODES"])}


def info_hash_of(node):
    with open(os.path.join(os.environ["SWARMLAB_RUN"], "nodes", "tracker", "events.jsonl"), encoding="utf-8") as events:
        for line in events:
            if '"info_hash"' in line:
                return bytes.fromhex(json.loads(line)["info_hash"])
    raise AssertionError(f"nobody announced to {node['name']}")


def test_the_tracker_knows_the_seeder(nodes):
    query = urllib.parse.urlencode({"info_hash": info_hash_of(nodes["tracker"]), "peer_id": b"-PY0001-abcdefghijkl",
                                    "port": 1, "uploaded": 0, "downloaded": 0, "left": 1, "compact": 1})
    with urllib.request.urlopen(f"{os.environ['SWARMLAB_TRACKER_URL']}?{query}", timeout=5) as reply:
        body = reply.read()
    ip, port = nodes["seeder-1"]["listen"].split(":")
    assert socket.inet_aton(ip) + int(port).to_bytes(2, "big") in body


def test_the_seeder_answers_a_handshake(nodes):
    ip, port = nodes["seeder-1"]["listen"].split(":")
    info_hash = info_hash_of(nodes["tracker"])
    with socket.create_connection((ip, int(port)), timeout=5) as peer:
        peer.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-PY0001-abcdefghijkl")
        answer = b""
        while len(answer) < 68:
            answer += peer.recv(68 - len(answer))
    assert answer[:20] == b"\x13BitTorrent protocol" and answer[28:48] == info_hash


def test_a_client_gets_its_files(nodes):
    end = time.monotonic() + 30
    while not os.path.isdir(os.path.join(nodes["client-1"]["files"], "small")):
        assert time.monotonic() < end
        time.sleep(0.05)
