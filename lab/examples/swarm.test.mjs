// A node:test file that runs inside a swarm:
//
//     swarm-lab exec lab/scenarios/small.toml -- node --test lab/examples/swarm.test.mjs
import assert from "node:assert";
import net from "node:net";
import { readFileSync } from "node:fs";
import test from "node:test";

const nodes = new Map(JSON.parse(process.env.SWARMLAB_NODES).map((node) => [node.name, node]));

test("the torrent names the tracker of this swarm", () => {
  const torrent = readFileSync(process.env.SWARMLAB_TORRENT, "latin1");
  assert.ok(torrent.includes(process.env.SWARMLAB_TRACKER_URL));
});

test("every node has an address of its own", () => {
  const addresses = new Set([...nodes.values()].map((node) => node.address));
  assert.equal(addresses.size, nodes.size);
});

test("every node takes connections where it says that it listens", async () => {
  for (const node of nodes.values()) {
    const [host, port] = node.listen.split(":");
    await new Promise((resolve, reject) => {
      const socket = net.connect({ host, port: Number(port) }, () => resolve(socket.destroy()));
      socket.on("error", reject);
    });
  }
});
