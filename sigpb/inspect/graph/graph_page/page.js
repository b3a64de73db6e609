"use strict";
// Shows the graph that is embedded in the page. Names come from a model: they are only ever set
// as text, never as markup.

const graph = JSON.parse(document.getElementById("graph").textContent);
const view = document.getElementById("view");
const world = document.getElementById("world");
const GAP = 24, ROW_GAP = 44, PADDING = 14, LINE = 16, CHARACTER = 7.3, LONGEST = 48;

const children = new Map([[null, []]]);
const level = [];
for (const node of graph.nodes) {
  children.set(node.id, []);
  children.get(node.parent).push(node.id);
  level.push(node.parent === null ? 0 : level[node.parent] + 1);
}
const open = new Set(graph.nodes.filter((n) => n.open && level[n.id] < graph.depth).map((n) => n.id));

const state = { x: 0, y: 0, zoom: 1, selected: null, found: new Set(), boxes: new Map(), edges: [] };

// What is drawn: nodes whose ancestors are all open, and edges between those that are closed.

function shownNodes() {
  const shown = [];
  const waiting = [...children.get(null)].reverse();
  while (waiting.length) {
    const id = waiting.pop();
    shown.push(id);
    if (open.has(id)) waiting.push(...[...children.get(id)].reverse());
  }
  return shown;
}

function shownEdges(shown) {
  const stands = new Map(shown.map((id) => [id, id]));
  for (const node of graph.nodes) {
    if (!stands.has(node.id)) stands.set(node.id, stands.get(node.parent));
  }
  const edges = new Map();
  for (const edge of graph.edges) {
    const from = stands.get(edge.from), to = stands.get(edge.to);
    if (from === to && edge.from !== edge.to) continue;
    const key = `${from} ${to} ${edge.control}`;
    const known = edges.get(key);
    // The same tensor may go to several nodes of what is closed.
    const tensor = `${edge.from} ${edge.label}`;
    if (!known) {
      const { control, count, label } = edge;
      edges.set(key, { from, to, control, count, label, tensors: new Set([tensor]) });
    } else if (!known.tensors.has(tensor)) {
      known.tensors.add(tensor);
      known.count += edge.count;
      known.label = edge.control ? "" : `${known.count} tensors`;
    }
  }
  return [...edges.values()];
}

// The layout: each box in a layer below what it takes something from, from the inside out.

function layOut(shown, edges) {
  const sizes = new Map(shown.map((id) => [id, textSize(id)]));
  const arrows = siblingArrows(edges);
  const places = new Map();
  const boxes = [...shown.filter((id) => open.has(id)).reverse(), null];
  let total = null;
  for (const box of boxes) {
    const inner = rows(children.get(box), arrows.get(box) || [], sizes);
    const header = box === null ? 0 : sizes.get(box).height;
    for (const [id, place] of inner.places) {
      places.set(id, { x: place.x + PADDING, y: place.y + PADDING + header });
    }
    const size = {
      width: inner.width + 2 * PADDING,
      height: inner.height + 2 * PADDING + header,
    };
    if (box === null) {
      total = size;
    } else {
      size.width = Math.max(size.width, sizes.get(box).width);
      sizes.set(box, size);
    }
  }
  const found = new Map();
  for (const id of shown) {
    const around = found.get(graph.nodes[id].parent) || { x: 0, y: 0 };
    const place = places.get(id);
    found.set(id, { x: around.x + place.x, y: around.y + place.y, ...sizes.get(id) });
  }
  return { boxes: found, total };
}

function siblingArrows(edges) {
  const arrows = new Map();
  for (const edge of edges) {
    let from = edge.from, to = edge.to;
    while (graph.nodes[from].parent !== graph.nodes[to].parent) {
      const [fromLevel, toLevel] = [level[from], level[to]];
      if (fromLevel >= toLevel) from = graph.nodes[from].parent;
      if (toLevel >= fromLevel) to = graph.nodes[to].parent;
    }
    if (from === to) continue;
    const around = graph.nodes[from].parent;
    if (!arrows.has(around)) arrows.set(around, []);
    arrows.get(around).push([from, to]);
  }
  return arrows;
}

function rows(members, arrows, sizes) {
  const after = new Map(members.map((id) => [id, new Set()]));
  const before = new Map(members.map((id) => [id, new Set()]));
  for (const [from, to] of arrows) {
    after.get(from).add(to);
    before.get(to).add(from);
  }
  const layers = ordered(layersOf(members, after, before), after, before);
  const width = Math.max(0, ...layers.map((row) => sum(row, (id) => sizes.get(id).width + GAP) - GAP));
  const places = new Map(), middles = new Map();
  let top = 0;
  for (const row of layers) {
    const lefts = columns(row, before, middles, sizes, width);
    row.forEach((id, at) => {
      places.set(id, { x: lefts[at], y: top });
      middles.set(id, lefts[at] + sizes.get(id).width / 2);
    });
    top += Math.max(...row.map((id) => sizes.get(id).height)) + ROW_GAP;
  }
  return { places, width, height: Math.max(0, top - ROW_GAP) };
}

function columns(row, before, middles, sizes, width) {
  const lefts = [];
  let right = 0;
  for (const id of row) {
    const above = [...before.get(id)].filter((each) => middles.has(each));
    const middle = above.length ? sum(above, (each) => middles.get(each)) / above.length : width / 2;
    lefts.push(Math.max(right, middle - sizes.get(id).width / 2));
    right = lefts[lefts.length - 1] + sizes.get(id).width + GAP;
  }
  let limit = width;
  for (let at = row.length - 1; at >= 0; at--) {
    lefts[at] = Math.min(lefts[at], limit - sizes.get(row[at]).width);
    limit = lefts[at] - GAP;
  }
  return lefts;
}

function layersOf(members, after, before) {
  const order = inOrder(members, after);
  const rank = new Map(order.map((id, at) => [id, at]));
  const layer = new Map();
  for (const id of order) {
    const above = [...before.get(id)].filter((each) => rank.get(each) < rank.get(id));
    layer.set(id, above.reduce((most, each) => Math.max(most, layer.get(each)), -1) + 1);
  }
  for (const id of [...order].reverse()) {
    const below = [...after.get(id)].filter((each) => rank.get(each) > rank.get(id));
    if (below.length && !before.get(id).size) {
      layer.set(id, below.reduce((least, each) => Math.min(least, layer.get(each)), Infinity) - 1);
    }
  }
  const found = new Map();
  for (const id of members) {
    if (!found.has(layer.get(id))) found.set(layer.get(id), []);
    found.get(layer.get(id)).push(id);
  }
  return [...found.keys()].sort((a, b) => a - b).map((number) => found.get(number));
}

function inOrder(members, after) {
  const finished = [], seen = new Set();
  for (const first of members) {
    if (seen.has(first)) continue;
    seen.add(first);
    const path = [[first, [...after.get(first)]]];
    while (path.length) {
      const [id, following] = path[path.length - 1];
      const next = following.shift();
      if (next === undefined) {
        path.pop();
        finished.push(id);
      } else if (!seen.has(next)) {
        seen.add(next);
        path.push([next, [...after.get(next)]]);
      }
    }
  }
  return finished.reverse();
}

function ordered(layers, after, before) {
  const at = new Map();
  const settle = (row) => row.forEach((id, place) => at.set(id, place / row.length));
  layers.forEach(settle);
  for (let sweep = 0; sweep < 4; sweep++) {
    const neighbours = sweep % 2 ? after : before;
    for (const row of sweep % 2 ? [...layers].reverse() : layers) {
      const wanted = new Map(row.map((id) => {
        const near = [...neighbours.get(id)];
        return [id, near.length ? sum(near, (each) => at.get(each)) / near.length : at.get(id)];
      }));
      row.sort((a, b) => wanted.get(a) - wanted.get(b));
      settle(row);
    }
  }
  return layers;
}

function sum(list, value) {
  return list.reduce((total, each) => total + value(each), 0);
}

// Drawing.

function textSize(id) {
  const lines = textLines(graph.nodes[id]);
  return {
    width: Math.max(...lines.map((text) => text.length)) * CHARACTER + 16,
    height: lines.length * LINE + 10,
  };
}

function textLines(node) {
  const closed = node.open && !open.has(node.id);
  const hidden = closed ? inside(node.id) : node.hidden;
  const lines = [...node.text];
  if (hidden) lines.push(`${hidden} node${hidden > 1 ? "s" : ""}`);
  return lines.map((text) => {
    const half = LONGEST / 2 - 1;
    return text.length <= LONGEST ? text : `${text.slice(0, half)}…${text.slice(-half)}`;
  });
}

function inside(id) {
  let count = 0;
  const waiting = [...children.get(id)];
  while (waiting.length) {
    const node = graph.nodes[waiting.pop()];
    count += node.hidden + (node.op || node.kind === "port" ? 1 : 0);
    waiting.push(...children.get(node.id));
  }
  return count;
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw() {
  const shown = shownNodes();
  const edges = shownEdges(shown);
  const { boxes, total } = layOut(shown, edges);
  state.boxes = boxes;
  state.edges = edges;
  state.total = total;
  const parts = shown.map((id) => drawnNode(id, boxes.get(id)));
  const counts = new Map();
  for (const edge of edges) counts.set(edge.to, (counts.get(edge.to) || 0) + 1);
  const drawn = new Map();
  for (const edge of edges) {
    drawn.set(edge.to, (drawn.get(edge.to) || 0) + 1);
    parts.push(...drawnEdge(edge, boxes, drawn.get(edge.to), counts.get(edge.to)));
  }
  world.replaceChildren(...parts);
}

function drawnNode(id, box) {
  const node = graph.nodes[id];
  const classes = ["node", node.kind];
  if (node.open) classes.push("foldable");
  if (node.hidden || (node.open && !open.has(id))) classes.push("folded");
  if (node.spliced) classes.push("spliced");
  if (state.found.has(id)) classes.push("found");
  if (state.selected === id) classes.push("selected");
  const group = element("g", { class: classes.join(" "), "data-id": id });
  const { x, y, width, height } = box;
  const rx = node.kind === "input" || node.kind === "output" ? height / 2 : 4;
  group.append(element("title", {}, node.name), element("rect", { x, y, width, height, rx }));
  textLines(node).forEach((text, at) => {
    group.append(element("text", { x: x + 8, y: y + 17 + LINE * at }, text));
  });
  return group;
}

function drawnEdge(edge, boxes, number, count) {
  const from = boxes.get(edge.from), to = boxes.get(edge.to);
  const x = from.x + from.width / 2, y = from.y + from.height;
  const toX = to.x + (to.width * number) / (count + 1), toY = to.y;
  const bend = Math.max(20, Math.abs(toY - y) / 2);
  const near = state.selected !== null && [edge.from, edge.to].includes(state.selected);
  const classes = ["edge", edge.control ? "control" : "", near ? "near" : ""].join(" ").trim();
  const d = `M${x},${y}C${x},${y + bend} ${toX},${toY - bend} ${toX},${toY}`;
  const ends = { "data-from": edge.from, "data-to": edge.to };
  const parts = [element("path", { class: classes, d, "marker-end": "url(#arrow)", ...ends })];
  if (edge.label) {
    const labelY = toY - 6 - 11 * ((count - number) % 3);
    parts.push(element("text", { class: "label", x: toX + 3, y: labelY }, edge.label));
  }
  return parts;
}

function showDetails() {
  const panel = document.getElementById("details");
  panel.hidden = state.selected === null;
  if (panel.hidden) return;
  const node = graph.nodes[state.selected];
  const html = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const heading = html("h2", node.name || node.label);
  const facts = [node.kind, node.op, node.detail, node.spliced ? "added by sigpb" : ""];
  const list = (title, edges, end) => {
    if (!edges.length) return [];
    const items = document.createElement("ul");
    for (const edge of edges.slice(0, 100)) {
      const other = graph.nodes[edge[end]];
      const what = edge.control ? "runs before" : edge.label;
      items.append(html("li", [other.name || other.label, what].filter(Boolean).join("  ")));
    }
    return [html("strong", title), items];
  };
  panel.replaceChildren(
    heading,
    html("p", facts.filter(Boolean).join(" · ")),
    ...list("Takes", state.edges.filter((edge) => edge.to === node.id), "from"),
    ...list("Taken by", state.edges.filter((edge) => edge.from === node.id), "to"),
  );
}

// Moving around.

function place() {
  world.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.zoom})`);
}

function zoomAt(factor, x, y) {
  const zoom = Math.min(4, Math.max(0.02, state.zoom * factor));
  state.x = x - ((x - state.x) * zoom) / state.zoom;
  state.y = y - ((y - state.y) * zoom) / state.zoom;
  state.zoom = zoom;
  place();
}

function fit(smallest = 0.02) {
  const { width, height } = view.getBoundingClientRect();
  const zoom = Math.min(1, width / state.total.width, height / state.total.height);
  state.zoom = Math.max(zoom, smallest);
  state.x = (width - state.total.width * state.zoom) / 2;
  state.y = 0;
  place();
}

function center(id) {
  const { width, height } = view.getBoundingClientRect();
  const box = state.boxes.get(id);
  state.zoom = Math.max(state.zoom, 0.8);
  state.x = width / 2 - (box.x + box.width / 2) * state.zoom;
  state.y = height / 2 - (box.y + Math.min(box.height / 2, 60)) * state.zoom;
  place();
}

// Opens or closes a node, which stays where it is on the screen.
function toggle(id) {
  const before = state.boxes.get(id);
  if (!open.delete(id)) open.add(id);
  draw();
  const now = state.boxes.get(id);
  state.x += (before.x - now.x) * state.zoom;
  state.y += (before.y - now.y) * state.zoom;
  place();
}

function select(id) {
  state.selected = id;
  draw();
  showDetails();
}

let pressed = null;
view.addEventListener("pointerdown", (event) => {
  pressed = { x: event.clientX, y: event.clientY, target: event.target, moved: false };
  view.setPointerCapture(event.pointerId);
});
view.addEventListener("pointermove", (event) => {
  if (!pressed) return;
  const [dx, dy] = [event.clientX - pressed.x, event.clientY - pressed.y];
  if (!pressed.moved && Math.hypot(dx, dy) < 4) return;
  Object.assign(pressed, { x: event.clientX, y: event.clientY, moved: true });
  view.classList.add("moving");
  state.x += dx;
  state.y += dy;
  place();
});
view.addEventListener("pointerup", () => {
  view.classList.remove("moving");
  const group = pressed && !pressed.moved ? pressed.target.closest(".node") : null;
  const clicked = pressed && !pressed.moved;
  pressed = null;
  if (!clicked) return;
  const id = group ? Number(group.dataset.id) : null;
  if (id !== null && graph.nodes[id].open) toggle(id);
  select(id);
});
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { left, top } = view.getBoundingClientRect();
  zoomAt(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
}, { passive: false });

function zoomButton(factor) {
  const { width, height } = view.getBoundingClientRect();
  zoomAt(factor, width / 2, height / 2);
}
document.getElementById("zoom-in").addEventListener("click", () => zoomButton(1.4));
document.getElementById("zoom-out").addEventListener("click", () => zoomButton(1 / 1.4));
document.getElementById("fit").addEventListener("click", () => fit());
document.getElementById("fold").addEventListener("click", () => {
  open.clear();
  draw();
  fit();
});
document.getElementById("unfold").addEventListener("click", () => {
  for (const id of shownNodes()) if (graph.nodes[id].open) open.add(id);
  draw();
  fit();
});

// Searching: Enter goes to the next match, and opens what it is in.

const search = document.getElementById("search");
let matches = [], next = 0;
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  const holds = (text) => text.toLowerCase().includes(wanted);
  matches = wanted
    ? graph.nodes.filter((n) => [n.name, n.label, n.op, n.detail].some(holds)).map((n) => n.id)
    : [];
  next = 0;
  state.found = new Set(matches);
  document.getElementById("found").textContent = wanted ? `${matches.length} found` : "";
  draw();
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !matches.length) return;
  const id = matches[next];
  next = (next + 1) % matches.length;
  document.getElementById("found").textContent = `${next || matches.length} of ${matches.length}`;
  for (let up = graph.nodes[id].parent; up !== null; up = graph.nodes[up].parent) open.add(up);
  select(id);
  center(id);
});

draw();
fit(0.5);
