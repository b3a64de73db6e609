// Moving around.

const MARGIN = 80; // So much of the graph stays on the screen.

function place() {
  const { width, height } = view.getBoundingClientRect();
  const { total, zoom } = state;
  state.x = Math.min(width - MARGIN, Math.max(MARGIN - total.width * zoom, state.x));
  state.y = Math.min(height - MARGIN, Math.max(MARGIN - total.height * zoom, state.y));
  world.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.zoom})`);
}

function zoomAt(factor, x, y) {
  const zoom = Math.min(4, Math.max(0.02, state.zoom * factor));
  state.x = x - ((x - state.x) * zoom) / state.zoom;
  state.y = y - ((y - state.y) * zoom) / state.zoom;
  state.zoom = zoom;
  place();
}

// Shows the graph as large as its text can be read: from its top, or, if it is too wide, at its outputs.
function start() {
  const { width, height } = view.getBoundingClientRect();
  state.zoom = 1;
  state.x = (width - state.total.width) / 2;
  state.y = 0;
  place();
  const outputs = graph.outputs.map((output) => shownAncestor(output.node));
  if (state.total.width <= width || !outputs.length) return;
  center(outputs[Math.floor(outputs.length / 2)]);
  state.x = Math.min(0, Math.max(width - state.total.width, state.x));
  state.y = Math.min(0, height - state.total.height);
  place();
}

function shownAncestor(id) {
  while (!state.boxes.has(id)) id = graph.nodes[id].parent;
  return id;
}

function fit() {
  const { width, height } = view.getBoundingClientRect();
  state.zoom = Math.max(0.02, Math.min(1, width / state.total.width, height / state.total.height));
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
  if (state.total.width * state.zoom <= width) state.x = (width - state.total.width * state.zoom) / 2;
  if (state.total.height * state.zoom <= height) state.y = 0;
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

// What a click does, or Enter and the space bar.
function activate(id) {
  if (id !== null && graph.nodes[id].open) toggle(id);
  select(id);
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
  activate(group ? Number(group.dataset.id) : null);
});
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { left, top } = view.getBoundingClientRect();
  const unit = event.deltaMode ? LINE : 1;
  let [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
  if (event.ctrlKey || event.metaKey) {
    zoomAt(Math.exp(-dy / 400), event.clientX - left, event.clientY - top);
    return;
  }
  if (event.shiftKey && !dx) [dx, dy] = [dy, 0];
  scroll(dx, dy);
}, { passive: false });

function scroll(dx, dy) {
  state.x -= dx;
  state.y -= dy;
  place();
}

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
  start();
});
document.getElementById("unfold").addEventListener("click", () => {
  for (const id of shownNodes()) if (graph.nodes[id].open) open.add(id);
  draw();
  start();
});

const control = document.getElementById("control");
control.parentElement.hidden = !graph.edges.some((edge) => edge.control);
control.addEventListener("change", () => {
  state.control = control.checked;
  draw();
  start();
});

function showControl() {
  state.control = control.checked = true;
  draw();
}

// The keyboard.

const STEP = 60;
const KEYS = {
  "+": () => zoomButton(1.4),
  "=": () => zoomButton(1.4),
  "-": () => zoomButton(1 / 1.4),
  0: fit,
  "/": () => document.getElementById("search").focus(),
  Escape: () => select(null),
  ArrowLeft: () => scroll(-STEP, 0),
  ArrowRight: () => scroll(STEP, 0),
  ArrowUp: () => scroll(0, -STEP),
  ArrowDown: () => scroll(0, STEP),
  PageUp: () => scroll(0, -0.9 * view.getBoundingClientRect().height),
  PageDown: () => scroll(0, 0.9 * view.getBoundingClientRect().height),
  Home: () => scroll(0, -Infinity),
  End: () => scroll(0, Infinity),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
  const group = event.target.closest(".node");
  const isPress = event.key === "Enter" || event.key === " ";
  const action = group && isPress ? () => activate(Number(group.dataset.id)) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
world.addEventListener("focusin", (event) => {
  const group = event.target.closest(".node");
  if (!group.matches(":focus-visible")) return;
  const [around, seen] = [view.getBoundingClientRect(), group.getBoundingClientRect()];
  const isOutside = seen.right < around.left + LINE || seen.left > around.right - LINE
    || seen.bottom < around.top + LINE || seen.top > around.bottom - LINE;
  if (isOutside) center(Number(group.dataset.id));
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
  for (const group of world.querySelectorAll(".node")) {
    group.classList.toggle("found", state.found.has(Number(group.dataset.id)));
  }
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !matches.length) return;
  const id = matches[next];
  next = (next + 1) % matches.length;
  document.getElementById("found").textContent = `${next || matches.length} of ${matches.length}`;
  for (let up = graph.nodes[id].parent; up !== null; up = graph.nodes[up].parent) open.add(up);
  select(id);
  if (!state.boxes.has(id)) showControl();
  center(id);
});

draw();
start();
showLegend();
