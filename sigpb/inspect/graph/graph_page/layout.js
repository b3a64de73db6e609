// The layout: each box in a layer below what it takes something from, from the inside out.

function layOut(shown, edges) {
  const sizes = new Map(shown.map((id) => [id, textSize(id)]));
  const arrows = siblingArrows(edges);
  const places = new Map();
  const boxes = [...shown.filter((id) => open.has(id)).reverse(), null];
  let total = null;
  for (const box of boxes) {
    const inner = rows(children.get(box).filter((id) => sizes.has(id)), arrows.get(box) || [], sizes);
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
  // What nothing connects would be one long row.
  const layers = arrows.length
    ? ordered(layersOf(members, after, before), after, before)
    : inRows(members, Math.ceil(Math.sqrt(members.length)));
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

function inRows(members, length) {
  const found = [];
  for (let at = 0; at < members.length; at += length) found.push(members.slice(at, at + length));
  return found;
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
