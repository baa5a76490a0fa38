// A swarm driven from Node over `swarm-lab control`: follows events, asks for the nodes, stops, reads the report.
//
//     SWARM_LAB=build/release/bin/swarm-lab node lab/examples/drive.mjs
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const recipe = new URL("../../torrents/recipes/small.toml", import.meta.url).pathname;
const scenario = {
  name: "drive",
  content: { recipe, piece_length: "16 KiB" },
  tracker: { interval: "1s" },
  nodes: [{ kind: "seeder" }, { kind: "client", count: 2 }],
};

const options = process.env.OUT ? ["--out", process.env.OUT] : [];
const lab = spawn(process.env.SWARM_LAB ?? "swarm-lab", ["control", ...options], {
  stdio: ["pipe", "pipe", "inherit"],
});
const waiting = new Map(); // id -> how to settle
const followers = new Map(); // id -> callback
let lastId = 0;

createInterface({ input: lab.stdout }).on("line", (line) => {
  const answer = JSON.parse(line);
  if (answer.event) return followers.get(answer.id)?.(answer.event);
  const { resolve, reject } = waiting.get(answer.id);
  waiting.delete(answer.id);
  answer.ok ? resolve(answer) : reject(new Error(answer.error));
});

function ask(what, fields = {}, onEvent) {
  const id = ++lastId;
  if (onEvent) followers.set(id, onEvent);
  lab.stdin.write(JSON.stringify({ id, do: what, ...fields }) + "\n");
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

try {
  await ask("start", { inline: scenario });
  let unchokes = 0;
  await ask("subscribe", { query: "unchoked" }, () => ++unchokes);
  const { endpoints } = await ask("wait", { for: "ready", timeout: 30 });
  console.log("tracker", endpoints.tracker_url);
  await ask("wait", { for: "complete", timeout: 60 });
  const { nodes } = await ask("nodes");
  console.log(nodes.filter((node) => node.complete).length, "clients complete,", unchokes, "unchokes seen");
  const { report } = await ask("stop");
  console.log(report.verdict, `after ${report.completion_s.toFixed(2)} s`);
} finally {
  lab.stdin.end(); // and with it the swarm
}
