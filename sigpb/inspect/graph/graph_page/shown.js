"use strict";
// Shows the graph that is embedded in the page. Names come from a model: they are only ever set
// as text, never as markup.

const graph = JSON.parse(document.getElementById("graph").textContent);
const view = document.getElementById("view");
const world = document.getElementById("world");
const GAP = 24, ROW_GAP = 48, PADDING = 14, LINE = 16, CHARACTER = 7.3, LONGEST = 48;

const children = new Map([[null, []]]);
const level = [];
for (const node of graph.nodes) {
  children.set(node.id, []);
  children.get(node.parent).push(node.id);
  level.push(node.parent === null ? 0 : level[node.parent] + 1);
}
const opensAtFirst = (node) => node.open && node.kind !== "fan" && level[node.id] < graph.depth;
const open = new Set(graph.nodes.filter(opensAtFirst).map((node) => node.id));

const state = {
  x: 0, y: 0, zoom: 1, selected: null, control: false, found: new Set(), boxes: new Map(), edges: [],
};

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
