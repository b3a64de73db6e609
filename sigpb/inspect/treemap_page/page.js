"use strict";
// Shows what the bytes of a file are spent on, from the data that is embedded in the page. Names
// come from a model: they are only ever set as text, never as markup.

const map = document.getElementById("map");
const HEADER = 18, DEEPEST = 4, SMALLEST = 14; // pixels, levels, the shortest side in pixels
const HUES = [210, 28, 140, 280, 50, 345, 180, 90, 250, 10];

// A part: its name, its size in bytes, its parts (the largest first), and its colour.
function partOf([name, size, parts = []]) {
  return { name, size, parts: parts.map(partOf), hue: null };
}

const whole = partOf(JSON.parse(document.getElementById("parts").textContent));

// What has colours for its parts: the file, or the part that is most of it, if there are not too
// many parts in it to have colours.
function coloured(part) {
  const [largest] = part.parts;
  if (!largest || largest.size < 0.95 * part.size) return part;
  return sizeOf(largest.parts.slice(0, HUES.length)) < 0.6 * part.size ? part : coloured(largest);
}
const groups = coloured(whole).parts;
groups.slice(0, HUES.length).forEach((part, at) => paint(part, HUES[at]));

function paint(part, hue) {
  part.hue = hue;
  for (const each of part.parts) paint(each, hue);
}

let path = [whole]; // from the whole to what fills the map

function bytes(size) {
  return `${size.toLocaleString("en")} bytes, ${((100 * size) / whole.size).toFixed(2)}%`;
}

// Rectangles that are as square as can be, one for each size; sizes descend.
function squarified(sizes, area) {
  const placed = [];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const scale = total ? (area.width * area.height) / total : 0;
  const left = sizes.map((size) => size * scale);
  let { x, y, width, height } = area;
  for (let start = 0; start < left.length;) {
    const side = Math.min(width, height);
    let end = start + 1, row = left[start];
    while (end < left.length && worst(left[start], left[end], row + left[end], side)
        <= worst(left[start], left[end - 1], row, side)) {
      row += left[end];
      end++;
    }
    const thickness = side ? row / side : 0;
    let offset = 0;
    for (; start < end; start++) {
      const length = thickness ? left[start] / thickness : 0;
      placed.push(width >= height
        ? { x, y: y + offset, width: thickness, height: length }
        : { x: x + offset, y, width: length, height: thickness });
      offset += length;
    }
    if (width >= height) [x, width] = [x + thickness, Math.max(0, width - thickness)];
    else [y, height] = [y + thickness, Math.max(0, height - thickness)];
  }
  return placed;
}

// The worst ratio of the sides of the rectangles in a row along a side.
function worst(largest, smallest, row, side) {
  if (!row || !smallest) return Infinity;
  return Math.max((side ** 2 * largest) / row ** 2, row ** 2 / (side ** 2 * smallest));
}

// The parts of a part, as far as there is room for them: those that are too small to see are
// joined, into one beside larger ones, or into some where there are no others.
function visibleParts({ parts, size }, { width, height }) {
  const scale = (width * height) / (size || 1);
  const count = parts.findIndex((each) => each.size * scale < SMALLEST ** 2);
  if (count < 0 || parts.length - count < 2) return parts;
  if (count) {
    const others = parts.slice(count);
    const shown = [...parts.slice(0, count), joined(`${others.length.toLocaleString("en")} others`, others)];
    return shown.sort((one, other) => other.size - one.size);
  }
  const most = Math.min(100, Math.floor((width * height) / (3 * SMALLEST) ** 2));
  if (most < 2) return [];
  const length = Math.ceil(parts.length / most);
  return Array.from({ length: Math.ceil(parts.length / length) }, (_, at) => {
    const some = parts.slice(at * length, (at + 1) * length);
    return joined(`${some.length.toLocaleString("en")} parts, ${some[0].name} … ${some.at(-1).name}`, some);
  });
}

function joined(name, parts) {
  const hue = parts.every((each) => each.hue === parts[0].hue) ? parts[0].hue : null;
  return { name, size: sizeOf(parts), parts, hue, isJoined: true };
}

function sizeOf(parts) {
  return parts.reduce((sum, part) => sum + part.size, 0);
}

function draw() {
  const shown = path[path.length - 1];
  showPath();
  const { width, height } = map.getBoundingClientRect();
  map.replaceChildren();
  drawParts(shown, { x: 0, y: 0, width, height }, path, 0);
}

function drawParts(part, area, above, depth) {
  const parts = visibleParts(part, area);
  const own = part.size - sizeOf(parts);
  // What is its own stays free, at the end.
  const places = squarified([...parts.map((each) => each.size), ...(own > 0 ? [own] : [])], area);
  parts.forEach((each, at) => drawPart(each, places[at], [...above, each], depth));
}

function drawPart(part, area, itsPath, depth) {
  const box = swatch(part, depth);
  for (const [key, value] of [["left", area.x], ["top", area.y], ["width", area.width], ["height", area.height]]) {
    box.style[key] = `${value}px`;
  }
  const told = `${part.name}: ${bytes(part.size)}`;
  box.title = [...itsPath.map((each) => each.name), bytes(part.size)].join("\n");
  if (part.parts.length) {
    box.classList.add("opens");
    box.tabIndex = 0;
    box.setAttribute("role", "button");
    box.setAttribute("aria-label", told);
    box.addEventListener("click", () => show(itsPath));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      show(itsPath);
    });
  }
  if (area.height >= HEADER && area.width >= 30) {
    box.append(Object.assign(document.createElement("span"), { textContent: told }));
  }
  map.append(box);
  const inner = {
    x: area.x + 2, y: area.y + HEADER, width: area.width - 4, height: area.height - HEADER - 2,
  };
  const hasRoom = Math.min(inner.width, inner.height) > 2 * SMALLEST;
  if (part.parts.length && hasRoom && depth < DEEPEST && !part.isJoined) {
    drawParts(part, inner, itsPath, depth + 1);
  }
}

// A box in the colour of a part.
function swatch(part, depth) {
  const box = document.createElement("div");
  box.className = part.hue === null ? "part grey" : "part";
  box.style.setProperty("--hue", part.hue || 0);
  box.style.setProperty("--depth", depth);
  return box;
}

function show(wanted) {
  path = wanted;
  draw();
  document.querySelector("#path span").focus();
}

// Where you are: the name of each part around what is shown, which leads back to it.
function showPath() {
  const names = path.map((part, at) => {
    const isLast = at === path.length - 1;
    const text = isLast ? `${part.name}: ${bytes(part.size)}` : part.name;
    const name = Object.assign(document.createElement(isLast ? "span" : "button"), { textContent: text });
    if (isLast) name.tabIndex = -1;
    else name.addEventListener("click", () => show(path.slice(0, at + 1)));
    return at ? ["›", name] : [name];
  });
  document.getElementById("path").replaceChildren(...names.flat());
}

function showLegend() {
  const rest = sizeOf(groups.slice(HUES.length));
  const entries = groups.slice(0, HUES.length);
  if (rest) entries.push({ name: "others", size: rest, hue: null });
  document.getElementById("legend").replaceChildren(...entries.map((part) => {
    const entry = document.createElement("li");
    entry.append(swatch(part, 0), `${part.name}: ${bytes(part.size)}`);
    return entry;
  }));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && path.length > 1) show(path.slice(0, -1));
});
window.addEventListener("resize", draw);
showLegend();
draw();
