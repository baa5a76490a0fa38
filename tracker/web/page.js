"use strict";
// The live page. What the tracker sends is put into the page as text only (textContent), never as markup.

const kPollMs = 1000;
const kMaxRows = 200;
const kMaxLabels = 26;
const kSvg = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

const state = {
  after: 0, last: null, paused: false, swarm: null, matrix: false, pinned: null, shown: null, cursor: null, asker: null,
  rows: new Map(), waiting: [], hot: null, detailHash: "",
};

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function makeSvg(tag, attributes, className) {
  const element = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (className) element.setAttribute("class", className);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function bytesText(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return (unit === 0 ? String(value) : value.toFixed(value < 10 ? 1 : 0)) + " " + units[unit];
}

function agoText(seconds) {
  if (seconds < 60) return Math.max(0, Math.round(seconds)) + " s ago";
  return Math.round(seconds / 60) + " min ago";
}

// ---- numbers

function showNumbers(data) {
  setText(byId("n-torrents"), String(data.torrents));
  setText(byId("n-complete"), String(data.complete));
  setText(byId("n-incomplete"), String(data.incomplete));
  setText(byId("n-rate10"), data.rates["10s"].announces.toFixed(1));
  setText(byId("n-rate60"), data.rates["60s"].announces.toFixed(1));
  setText(byId("n-scrapes"), data.rates["10s"].scrapes.toFixed(1));
  setText(byId("n-refused"), data.rates["10s"].refused.toFixed(1));
}

// ---- swarms and peers

function currentSwarm(data) {
  return data.swarms.find((swarm) => swarm.info_hash === state.swarm) || data.swarms[0] || null;
}

function swarmName(swarm) {
  return swarm.name !== "" ? swarm.name : swarm.info_hash;
}

function showSwarms(data) {
  const body = byId("swarms").tBodies[0];
  const chosen = currentSwarm(data);
  byId("swarms-empty").hidden = data.swarms.length > 0;
  while (body.rows.length > data.swarms.length) body.deleteRow(-1);
  data.swarms.forEach((swarm, i) => {
    let row = body.rows[i];
    if (!row) {
      row = body.insertRow();
      const button = make("button");
      button.type = "button";
      button.addEventListener("click", () => {
        state.swarm = row.dataset.hash;
        if (state.last) showAll(state.last);
      });
      row.insertCell().append(button);
      for (let k = 0; k < 3; k += 1) row.insertCell().className = "num";
    }
    row.dataset.hash = swarm.info_hash;
    row.setAttribute("aria-selected", String(swarm === chosen));
    const button = row.cells[0].firstChild;
    setText(button, swarmName(swarm));
    button.title = swarm.info_hash;
    setText(row.cells[1], String(swarm.complete));
    setText(row.cells[2], String(swarm.incomplete));
    setText(row.cells[3], String(swarm.downloaded));
  });
}

function showPeers(swarm) {
  const body = byId("peers").tBodies[0];
  const peers = swarm ? swarm.peers : [];
  byId("peers-empty").hidden = peers.length > 0;
  while (body.rows.length > peers.length) body.deleteRow(-1);
  peers.forEach((peer, i) => {
    let row = body.rows[i];
    if (!row) {
      row = body.insertRow();
      for (let k = 0; k < 6; k += 1) row.insertCell();
      for (const k of [3, 4, 5]) row.cells[k].className = "num";
      row.cells[1].classList.add("mono");
    }
    row.dataset.peer = peer.peer;
    row.classList.toggle("lit", (state.hot ?? state.asker) === peer.peer);
    setText(row.cells[0], peer.peer);
    setText(row.cells[1], peer.peer_id);
    setText(row.cells[2], peer.door);
    setText(row.cells[3], peer.left === 0 ? "seed" : bytesText(peer.left));
    row.cells[3].className = peer.left === 0 ? "num seed" : "num leech";
    setText(row.cells[4], String(peer.told.length));
    setText(row.cells[5], agoText(peer.age_s));
  });
}

// ---- who was told about whom

// The peers that announced, and behind them those that others were told about only.
function graphNodes(swarm) {
  const nodes = swarm.peers.map((peer) => ({
    name: peer.peer, label: peer.peer, id: peer.peer_id, told: peer.told, kind: peer.left === 0 ? "seed" : "leech",
  }));
  const known = new Set(nodes.map((node) => node.name));
  for (const peer of swarm.peers) {
    for (const told of peer.told) {
      if (known.has(told)) continue;
      known.add(told);
      nodes.push({ name: told, label: told, id: "", told: [], kind: "known" });
    }
  }
  return nodes.slice(0, 100);
}

function setHot(name) {
  state.hot = name;
  if (state.last) showSwarm(state.last);
}

function drawGraph(svg, nodes) {
  const box = byId("graph-box").getBoundingClientRect();
  const width = Math.max(300, box.width);
  const height = Math.max(160, box.height);
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const labels = nodes.length <= kMaxLabels;
  const rx = width / 2 - (labels ? 175 : 30);
  const ry = height / 2 - 26;
  const places = new Map();
  nodes.forEach((node, i) => {
    const turn = (2 * Math.PI * (i + 0.5)) / nodes.length - Math.PI / 2;
    places.set(node.name, { x: width / 2 + rx * Math.cos(turn), y: height / 2 + ry * Math.sin(turn), turn });
  });
  const marker = makeSvg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 14, refY: 4, markerWidth: 11, markerHeight: 11, markerUnits: "userSpaceOnUse", orient: "auto" });
  marker.append(makeSvg("path", { d: "M0 0L8 4L0 8z" }));
  const parts = [makeSvg("defs", {})];
  parts[0].append(marker);
  for (const node of nodes) {
    for (const told of node.told) {
      const a = places.get(node.name);
      const b = places.get(told);
      if (!b || node.name === told) continue;
      const lit = (state.hot ?? state.asker) === node.name;
      const dim = state.hot !== null && !lit;
      // Slightly bent, so that there and back are two lines.
      const mx = (a.x + b.x) / 2 + (b.y - a.y) * 0.08;
      const my = (a.y + b.y) / 2 - (b.x - a.x) * 0.08;
      parts.push(makeSvg("path", {
        d: "M" + a.x + " " + a.y + "Q" + mx + " " + my + " " + b.x + " " + b.y, "marker-end": "url(#arrow)",
      }, "edge" + (lit ? " lit" : "") + (dim ? " dim" : "")));
    }
  }
  for (const node of nodes) {
    const at = places.get(node.name);
    const shape = node.kind === "seed"
      ? makeSvg("rect", { x: at.x - 9, y: at.y - 9, width: 18, height: 18 }, "node seed")
      : makeSvg("circle", { cx: at.x, cy: at.y, r: 9 }, "node " + node.kind);
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "img");
    const words = node.label + (node.id ? " " + node.id : "") + (node.kind === "known" ? ", has not announced" : ", " + node.kind + ", told about " + node.told.length);
    shape.setAttribute("aria-label", words);
    shape.dataset.peer = node.name;
    const title = makeSvg("title", {});
    title.textContent = words;
    shape.append(title);
    shape.addEventListener("pointerenter", () => setHotSoftly(node.name));
    shape.addEventListener("pointerleave", () => setHotSoftly(null));
    shape.addEventListener("focus", () => setHotSoftly(node.name));
    shape.addEventListener("blur", () => setHotSoftly(null));
    parts.push(shape);
    if (!labels) continue;
    const right = Math.cos(at.turn) >= 0;
    const text = makeSvg("text", { x: at.x + (right ? 15 : -15), y: at.y + 5, "text-anchor": right ? "start" : "end" });
    text.textContent = node.label;
    parts.push(text);
  }
  svg.replaceChildren(...parts);
}

// Marks without drawing anew: focus stays where it is.
function setHotSoftly(name) {
  state.hot = name;
  const swarm = state.last ? currentSwarm(state.last) : null;
  showPeers(swarm);
  const svg = byId("graph");
  const nodes = swarm ? graphNodes(swarm) : [];
  const edges = svg.querySelectorAll(".edge");
  let i = 0;
  const names = new Set(nodes.map((node) => node.name));
  for (const node of nodes) {
    for (const told of node.told) {
      if (!names.has(told) || node.name === told) continue;
      const lit = node.name === (name ?? state.asker);
      if (edges[i]) {
        edges[i].classList.toggle("lit", lit);
        edges[i].classList.toggle("dim", name !== null && !lit);
      }
      i += 1;
    }
  }
}

function drawMatrix(svg, nodes) {
  const askers = nodes.filter((node) => node.kind !== "known");
  const size = 26;
  const left = 190;
  const top = 34;
  svg.setAttribute("viewBox", "0 0 " + (left + nodes.length * size + 10) + " " + (top + askers.length * size + 10));
  const parts = [];
  nodes.forEach((node, i) => {
    const head = makeSvg("text", { x: left + i * size + size / 2, y: top - 8, "text-anchor": "middle" });
    head.textContent = String(i + 1);
    parts.push(head);
  });
  askers.forEach((node, row) => {
    const text = makeSvg("text", { x: left - 8, y: top + row * size + 18, "text-anchor": "end" });
    text.textContent = node.label + " " + (row + 1);
    parts.push(text);
    const told = new Set(node.told);
    nodes.forEach((other, column) => {
      const kind = node.name === other.name ? " self" : told.has(other.name) ? "" : " off";
      const cell = makeSvg("rect", { x: left + column * size + 2, y: top + row * size + 2, width: size - 4, height: size - 4 }, "cell" + kind);
      const title = makeSvg("title", {});
      title.textContent = node.label + (kind === "" ? " was told about " : kind === " self" ? " is " : " was not told about ") + other.label;
      cell.append(title);
      parts.push(cell);
    });
  });
  svg.replaceChildren(...parts);
}

let drawn = "";
function showGraph(swarm) {
  const svg = byId("graph");
  const nodes = swarm ? graphNodes(swarm) : [];
  byId("graph-empty").hidden = nodes.length > 0;
  setText(byId("graph-note"), swarm ? "· " + (swarm.name !== "" ? swarm.name : swarm.info_hash.slice(0, 12) + "…") : "");
  const box = byId("graph-box").getBoundingClientRect();
  const key = JSON.stringify([nodes, state.matrix, box.width, box.height, state.asker]);
  if (key === drawn) return;
  drawn = key;
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.peer : null;
  if (state.matrix) drawMatrix(svg, nodes); else drawGraph(svg, nodes);
  if (focused) {
    const again = [...svg.querySelectorAll(".node")].find((node) => node.dataset.peer === focused);
    if (again) again.focus();
  }
}

function showSwarm(data) {
  const swarm = currentSwarm(data);
  showPeers(swarm);
  showGraph(swarm);
}

// ---- requests

function answerText(seen) {
  if (seen.action !== "") return "⚑ " + seen.action + " (" + seen.rule + ")";
  if (!seen.answered) return "no answer" + (seen.refusal ? ": " + seen.refusal : "");
  if (seen.refusal !== "") return "refused: " + seen.refusal;
  if (seen.kind === "announce") return "told about " + seen.told + (seen.told === 1 ? " peer" : " peers");
  return bytesText(seen.answer_size);
}

function requestRow(seen) {
  const row = make("div", "request fresh" + (seen.action !== "" ? " bent" : ""));
  row.id = "r" + seen.number;
  row.dataset.number = String(seen.number);
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  row.append(make("span", "time", seen.t.toFixed(1) + " s"));
  row.append(make("span", "", seen.door));
  row.append(make("span", "", seen.event !== "" ? seen.event : seen.kind));
  row.append(make("span", "mono", seen.peer !== "" ? seen.peer : seen.source.replace(/:0$/, "")));
  const answer = make("span", seen.action !== "" ? "badge" : seen.refusal !== "" || !seen.answered ? "no" : "", answerText(seen));
  row.append(answer);
  row.title = (seen.info_hash ? seen.info_hash + " " : "") + (seen.peer_id ? seen.peer_id + " " : "") + answer.textContent;
  row.addEventListener("click", () => pin(seen.number));
  return row;
}

function isHolding() {
  return byId("requests").matches(":hover") && state.pinned === null ? true : false;
}

function addRequests(list) {
  state.waiting.push(...list);
  if (state.waiting.length > kMaxRows) state.waiting.splice(0, state.waiting.length - kMaxRows);
  if (isHolding()) {
    setText(byId("held"), state.waiting.length > 0 ? state.waiting.length + " more when the pointer leaves" : "");
    return;
  }
  setText(byId("held"), "");
  const box = byId("requests");
  const scroller = box.parentElement;
  const before = scroller.scrollHeight;
  for (const seen of state.waiting) {
    const row = requestRow(seen);
    state.rows.set(seen.number, row);
    box.prepend(row);
  }
  // Who has scrolled down stays where he is.
  if (scroller.scrollTop > 0) scroller.scrollTop += scroller.scrollHeight - before;
  state.waiting = [];
  while (box.childElementCount > kMaxRows) {
    state.rows.delete(Number(box.lastElementChild.dataset.number));
    box.lastElementChild.remove();
  }
  byId("requests-empty").hidden = box.childElementCount > 0;
  if (state.pinned === null && state.cursor === null && box.firstElementChild) {
    show(Number(box.firstElementChild.dataset.number));
  }
}

function mark(number) {
  for (const row of state.rows.values()) {
    const is = Number(row.dataset.number) === number;
    row.setAttribute("aria-selected", String(is));
    row.classList.toggle("pinned", is && state.pinned === number);
  }
  byId("requests").setAttribute("aria-activedescendant", "r" + number);
}

function pin(number) {
  state.pinned = number;
  state.cursor = number;
  setText(byId("pin"), "pinned: request " + number + " (Escape lets go)");
  show(number);
}

function letGo() {
  state.pinned = null;
  state.cursor = null;
  setText(byId("pin"), "");
  const first = byId("requests").firstElementChild;
  if (first) show(Number(first.dataset.number));
}

function moveCursor(step) {
  const rows = [...byId("requests").children];
  if (rows.length === 0) return;
  const now = rows.findIndex((row) => Number(row.dataset.number) === (state.cursor ?? state.shown));
  const next = rows[Math.min(rows.length - 1, Math.max(0, (now < 0 ? 0 : now) + step))];
  state.cursor = Number(next.dataset.number);
  if (state.pinned !== null) state.pinned = state.cursor;
  next.scrollIntoView({ block: "nearest" });
  if (state.pinned !== null) pin(state.cursor); else show(state.cursor);
}

// ---- bytes

async function show(number) {
  if (state.shown === number) return mark(number);
  state.shown = number;
  mark(number);
  let data;
  try {
    data = await (await fetch("/web/exchange.json?number=" + number)).json();
  } catch {
    return undefined;
  }
  if (state.shown !== number) return undefined;
  if (data.gone) return setText(byId("pin"), "request " + number + " is no longer kept");
  byId("detail-empty").hidden = true;
  byId("sides").hidden = false;
  const seen = data.exchange;
  setText(byId("request-title"), "Request " + seen.number + ": " + seen.kind + " over " + seen.door + ", " + seen.request_size + " bytes");
  setText(byId("answer-title"), (seen.action !== "" ? "⚑ " + seen.action + ", by rule " + seen.rule : "Answer") + ", " + seen.answer_size + " bytes");
  byId("answer-title").className = seen.action !== "" ? "badge" : "";
  state.asker = seen.peer !== "" ? seen.peer : null;
  setHotSoftly(state.hot);
  showSide("request", data.request, seen.door === "udp");
  showSide("answer", data.answer, seen.door === "udp");
  return undefined;
}

// Bytes [begin, end) of a hex text, for eyes.
function readable(hex, begin, end, asHex) {
  let out = "";
  for (let i = begin; i < end; i += 1) {
    const byte = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
    if (asHex) out += hex.slice(2 * i, 2 * i + 2) + " ";
    else if (byte === 13) out += "\\r";
    else if (byte === 10) out += "\\n\n";
    else if (byte >= 32 && byte < 127) out += String.fromCharCode(byte);
    else out += "\\x" + hex.slice(2 * i, 2 * i + 2);
  }
  return out;
}

function showSide(side, data, asHex) {
  const box = byId(side + "-bytes");
  const body = byId(side + "-fields").tBodies[0];
  const size = data.hex.length / 2;
  const parts = [];
  const rows = [];
  let at = 0;
  const light = (i, on) => {
    for (const element of [...box.children, ...body.rows]) {
      if (element.dataset.field === String(i)) element.classList.toggle("lit", on);
    }
    const span = box.children[i];
    if (!on || span.matches(":hover")) return;
    const top = span.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 20) box.scrollTop = top - 20;
  };
  data.fields.forEach((field, i) => {
    if (field.begin >= at && field.end <= size) {
      if (field.begin > at) parts.push(document.createTextNode(readable(data.hex, at, field.begin, asHex)));
      parts.push(make("span", "field" + (i % 2 ? " odd" : ""), readable(data.hex, field.begin, field.end, asHex)));
      at = field.end;
    } else {
      parts.push(make("span", "field"));
    }
    const row = make("tr");
    const told = make("td");
    told.append(make("div", "value", field.value), make("div", "meaning", field.meaning));
    row.append(make("td", "", field.name), told);
    row.tabIndex = 0;
    rows.push(row);
  });
  if (at < size) parts.push(document.createTextNode(readable(data.hex, at, size, asHex)));
  if (size < data.size) parts.push(document.createTextNode(" … " + (data.size - size) + " bytes more"));
  if (data.size === 0) parts.push(document.createTextNode("(nothing)"));
  box.replaceChildren(...parts);
  body.replaceChildren(...rows);
  const spans = [...box.children];
  rows.forEach((row, i) => {
    for (const element of [row, spans[i]]) {
      element.dataset.field = String(i);
      element.addEventListener("pointerenter", () => light(i, true));
      element.addEventListener("pointerleave", () => light(i, false));
    }
    row.addEventListener("focus", () => light(i, true));
    row.addEventListener("blur", () => light(i, false));
    spans[i].addEventListener("click", () => row.focus());
  });
}

// ---- the page

function showAll(data) {
  showNumbers(data);
  showSwarms(data);
  showSwarm(data);
}

async function poll() {
  try {
    const response = await fetch("/web/state.json?after=" + state.after);
    if (!response.ok) throw new Error(String(response.status));
    const data = await response.json();
    if (data.last < state.after) {  // the tracker was started anew
      state.after = 0;
      state.rows.clear();
      byId("requests").replaceChildren();
      letGo();
      state.shown = null;
    } else {
      state.after = data.last;
      if (data.exchanges.length > 0 || state.waiting.length > 0) addRequests(data.exchanges);
    }
    state.last = data;
    showAll(data);
    setText(byId("link"), "live, " + Math.round(data.uptime_s) + " s");
    byId("link").className = "";
  } catch {
    setText(byId("link"), "no answer");
    byId("link").className = "lost";
  }
}

async function run() {
  for (;;) {
    if (!state.paused) await poll();
    await new Promise((done) => setTimeout(done, kPollMs));
  }
}

function togglePause() {
  state.paused = !state.paused;
  byId("pause").setAttribute("aria-pressed", String(state.paused));
  setText(byId("pause"), state.paused ? "Resume" : "Pause");
  if (state.paused) setText(byId("link"), "paused");
}

function nextTheme() {
  const root = document.documentElement;
  const order = ["system", "light", "dark"];
  const now = root.dataset.theme || "system";
  const next = order[(order.indexOf(now) + 1) % order.length];
  if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
  setText(byId("theme"), "Theme: " + next);
}

function toggleView() {
  state.matrix = !state.matrix;
  byId("view").setAttribute("aria-pressed", String(state.matrix));
  setText(byId("view"), state.matrix ? "Graph" : "Matrix");
  if (state.last) showSwarm(state.last);
}

byId("announce-url").textContent = location.origin + "/announce";
byId("pause").addEventListener("click", togglePause);
byId("theme").addEventListener("click", nextTheme);
byId("view").addEventListener("click", toggleView);
byId("requests").addEventListener("keydown", (event) => {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -kMaxRows, End: kMaxRows };
  if (event.key in steps) {
    event.preventDefault();
    moveCursor(steps[event.key]);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pin(state.cursor ?? state.shown);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") letGo();
  else if (event.key === "p" || event.key === "P") togglePause();
  else if (event.key === "t" || event.key === "T") nextTheme();
  else if (event.key === "m" || event.key === "M") toggleView();
});
window.addEventListener("resize", () => { if (state.last) showSwarm(state.last); });
run();
