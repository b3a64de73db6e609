// Drawing.

const SIGN = 16; // the room for the sign of what can be opened
const MOST_LABELS = 6; // of the edges to one box, which would cover each other

function textSize(id) {
  const lines = textLines(graph.nodes[id]);
  return {
    width: Math.max(...lines.map((text) => text.length)) * CHARACTER + 16 + (graph.nodes[id].open ? SIGN : 0),
    height: lines.length * LINE + 10,
  };
}

function textLines(node) {
  const closed = node.open && !open.has(node.id) && node.kind !== "fan";
  const hidden = closed ? inside(node.id) : node.hidden;
  const lines = [...node.text];
  if (hidden) lines.push(`${hidden.toLocaleString("en")} node${hidden > 1 ? "s" : ""}`);
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
  const known = shownNodes();
  state.edges = shownEdges(known);
  const shown = state.control ? known : withoutIdle(known, state.edges);
  const edges = state.edges.filter((edge) => state.control || !edge.control);
  const { boxes, total } = layOut(shown, edges);
  state.boxes = boxes;
  state.total = total;
  const counts = new Map();
  for (const edge of edges) counts.set(edge.to, (counts.get(edge.to) || 0) + 1);
  const drawn = new Map(), lines = [], labels = [];
  for (const edge of edges) {
    drawn.set(edge.to, (drawn.get(edge.to) || 0) + 1);
    const [path, label] = drawnEdge(edge, boxes, drawn.get(edge.to), counts.get(edge.to));
    lines.push(path);
    if (label) labels.push(label);
  }
  // Edges are above what is open and below what is closed, whose text stays readable.
  const backs = shown.filter((id) => open.has(id)).map((id) => drawnBack(id, boxes.get(id)));
  const parts = [...backs, ...lines, ...shown.map((id) => drawnNode(id, boxes.get(id))), ...labels];
  const focused = world.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  world.replaceChildren(...parts);
  if (focused !== null) drawnGroup(focused)?.focus({ preventScroll: true });
}

// Leaves out what only control edges lead to and from, as long as these are not drawn.
function withoutIdle(shown, edges) {
  const waits = new Set(), takes = new Set();
  for (const edge of edges) {
    for (const id of [edge.from, edge.to]) (edge.control ? waits : takes).add(id);
  }
  const idle = new Set(shown.filter((id) => waits.has(id) && !takes.has(id)));
  for (const id of [...shown].reverse()) {
    if (open.has(id) && children.get(id).every((each) => idle.has(each))) idle.add(id);
  }
  return shown.filter((id) => !idle.has(id));
}

function drawnGroup(id) {
  return world.querySelector(`.node[data-id="${id}"]`);
}

function drawnBack(id, { x, y, width, height }) {
  const group = element("g", { class: graph.nodes[id].kind });
  group.append(element("rect", { x, y, width, height, rx: corner(graph.nodes[id].kind, height) }));
  return group;
}

function drawnNode(id, box) {
  const node = graph.nodes[id];
  const classes = ["node", node.kind];
  if (node.open) classes.push("foldable");
  if (node.open) classes.push(open.has(id) ? "opened" : "folded");
  if (node.spliced) classes.push("spliced");
  if (state.found.has(id)) classes.push("found");
  if (state.selected === id) classes.push("selected");
  const told = textLines(node);
  const group = element("g", {
    class: classes.join(" "), "data-id": id, tabindex: 0, role: "button",
    "aria-label": [node.kind, ...told].join(", "),
  });
  if (node.open) group.setAttribute("aria-expanded", open.has(id));
  const { x, y, width, height } = box;
  const rx = corner(node.kind, height);
  group.append(element("title", {}, node.name), element("rect", { x, y, width, height, rx }));
  told.forEach((text, at) => {
    group.append(element("text", { x: x + 8, y: y + 17 + LINE * at }, text));
  });
  if (node.open) {
    const sign = open.has(id) ? "−" : "+";
    group.append(element("text", { class: "sign", x: x + width - SIGN, y: y + 17 }, sign));
  }
  return group;
}

// How round the corners of a box are.
function corner(kind, height) {
  if (kind === "input" || kind === "output") return height / 2;
  return kind === "constant" || kind === "variable" || kind === "fan" ? 0 : 6;
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
  if (edge.label && count <= MOST_LABELS) {
    const labelY = toY - 6 - 13 * ((count - number) % 3);
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
  const facts = [node.kind === "fan" ? "" : node.kind, node.op, node.detail, node.spliced ? "added by sigpb" : ""];
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
  const close = html("button", "×");
  close.title = "Close";
  close.addEventListener("click", () => select(null));
  const cut = node.hidden && !node.open
    ? [html("p", "The page does not contain what is in it: draw a part of the graph, with --from and --to.")]
    : [];
  panel.replaceChildren(
    heading,
    html("p", facts.filter(Boolean).join(" · ")),
    ...cut,
    ...list("Takes", state.edges.filter((edge) => edge.to === node.id), "from"),
    ...list("Taken by", state.edges.filter((edge) => edge.from === node.id), "to"),
    close,
  );
}

// The legend: the looks that occur.

const LOOKS = [
  ["input", "input of the signature"],
  ["output", "output of the signature"],
  ["op", "operation"],
  ["constant", "constant"],
  ["variable", "variable or table"],
  ["fan", "many constants or variables of a box"],
  ["call", "call of a function"],
  ["function", "function of several that are called"],
  ["port", "value with several sources"],
  ["scope", "name scope"],
  ["run", "neighbours, put together"],
];

function showLegend() {
  const rows = LOOKS.filter(([kind]) => graph.nodes.some((node) => node.kind === kind));
  if (graph.nodes.some((node) => node.open)) rows.push(["op folded", "closed: a click opens it"]);
  if (graph.nodes.some((node) => node.spliced)) rows.push(["op spliced", "added by sigpb"]);
  const legend = document.getElementById("legend");
  for (const [look, meaning] of rows) {
    const sample = element("svg", { width: 34, height: 18, "aria-hidden": true });
    const group = element("g", { class: look });
    group.append(element("rect", { x: 2, y: 2, width: 30, height: 14, rx: corner(look, 14) }));
    sample.append(group);
    legend.append(legendRow(sample, meaning));
  }
  for (const [look, meaning] of [["edge", "tensor"], ["edge control", "control edge: runs before"]]) {
    if (!graph.edges.some((edge) => edge.control === look.endsWith("control"))) continue;
    const sample = element("svg", { width: 34, height: 18, "aria-hidden": true });
    sample.append(element("path", { class: look, d: "M2,9H32", "marker-end": "url(#arrow)" }));
    legend.append(legendRow(sample, meaning));
  }
  legend.open = view.getBoundingClientRect().height > 500;
}

function legendRow(sample, meaning) {
  const row = document.createElement("div");
  row.append(sample, meaning);
  return row;
}
