"use strict";
// The unrolled timeline: only the columns in sight are in the document.

const OVERSCAN = 6;
const MARGINS = 20;

const timelinePart = (card, pane) => {
  const names = html("div", { class: "rownames" });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const lines = svg("g", { class: "attends" });
  const columns = svg("g");
  drawing.append(lines, columns);
  const scroller = html("div", { class: "scroller" }, drawing);
  const strip = overview(pane, scroller);
  const key = html("p", { class: "note key-line" });
  card.append(key, html("div", { class: "timeline" }, names, scroller), strip.element);
  const drawn = new Map();
  // What is in sight: kept, because to ask the element for it in the midst of drawing would lay out the page again.
  const view = { left: 0, width: 0, total: 0 };
  let shape = null;
  let largest = 1;

  steppable(scroller, pane, { across: (by) => climb(pane, by) });
  const changesOf = (side) => pane.sides[side].cells.map((cell) => pane.array(cell.change));

  const inSight = (length) => {
    const first = Math.floor(view.left / shape.column) - OVERSCAN;
    const last = Math.ceil((view.left + view.width) / shape.column) + OVERSCAN;
    return [clamp(first, 0, length), clamp(last, 0, length)];
  };

  const fillColumns = () => {
    for (const block of shape.blocks) {
      const side = pane.sides[block.side];
      const [first, last] = inSight(side.steps.length);
      for (const [name, group] of drawn) {
        const [at, step] = name.split(" ").map(Number);
        if (at !== block.side || (step >= first && step < last)) continue;
        group.remove();
        drawn.delete(name);
      }
      const changes = changesOf(block.side);
      for (let step = first; step < last; step += 1) {
        const name = `${block.side} ${step}`;
        if (drawn.has(name)) continue;
        const group = timelineColumn(block, side, step, shape.column);
        paintColumn(group, block, changes, largest);
        mark(group);
        columns.append(group);
        drawn.set(name, group);
      }
    }
  };

  const mark = (group) => {
    const { side, step } = group.dataset;
    const here = Number(step) === pane.steps[side];
    const active = here && Number(side) === pane.side;
    group.classList.toggle("here", here);
    for (const box of group.querySelectorAll(".box")) {
      box.classList.toggle("on", active && Number(box.dataset.cell) === pane.cell);
    }
  };

  const rebuild = () => {
    view.width = widthOf(scroller);
    shape = timelineShape(pane.sides, view.width - MARGINS);
    view.total = shape.longest * shape.column + MARGINS;
    view.left = clamp(view.left, 0, Math.max(view.total - view.width, 0));
    drawn.clear();
    columns.replaceChildren();
    drawing.setAttribute("width", shape.longest * shape.column);
    drawing.setAttribute("height", shape.height);
    names.style.height = `${shape.height}px`;
    names.replaceChildren(...shape.blocks.flatMap((block) => blockNames(pane, block)));
  };

  // The chosen step stays in sight, with a few more around it.
  const reveal = () => {
    const x = pane.step * shape.column;
    const room = Math.min(shape.column * 2, view.width / 3);
    const most = Math.min(x - room, view.total - view.width);
    const least = x + shape.column + MARGINS - view.width + room;
    const far = Math.abs(x - view.left - view.width / 2) > view.width;
    const middle = Math.min(x - view.width / 2, view.total - view.width);
    const left = Math.max(0, far ? middle : clamp(view.left, Math.min(least, most), most));
    if (left === view.left) return;
    view.left = left;
    scroller.scrollLeft = left;
  };

  const find = (event) => {
    const box = drawing.getBoundingClientRect();
    const block = shape.blocks.find((each) => event.clientY - box.top < each.bottom + 6) || shape.blocks.at(-1);
    const step = Math.floor((event.clientX - box.left) / shape.column);
    if (step < 0 || step >= pane.sides[block.side].steps.length) return null;
    const y = event.clientY - box.top;
    const row = block.rows.find((each) => y >= each.y - 6 && y < each.y + PITCH - 6);
    return { side: block.side, step, cell: row ? row.cell : undefined };
  };

  drawing.addEventListener("click", (event) => {
    const found = find(event);
    if (found) pane.choose(found);
  });
  hover(drawing, (event) => {
    const found = find(event);
    if (!found) return null;
    const { cells, steps } = pane.sides[found.side];
    const shown = cells.filter((_, at) => found.cell === undefined || at === found.cell);
    return [`${found.step + 1} · ${steps[found.step]}`, shown.map((cell) =>
      [`${cell.name} ${say("timeline.change")}`, number(pane.array(cell.change)?.[found.step] ?? NaN)])];
  });
  scroller.addEventListener("scroll", () => shape && measured("scroll timeline", () => {
    view.left = scroller.scrollLeft;
    fillColumns();
    strip.draw(shape.longest, view);
  }), { passive: true });
  onWidth(scroller, () => pane.change("size"));

  return (changed) => {
    if (changed.has("document") || changed.has("size")) rebuild();
    if (["document", "numbers", "size"].some((each) => changed.has(each))) {
      const all = pane.sides.flatMap((side, at) => changesOf(at)).filter((values) => values !== null);
      largest = Math.max(...all.map((values) => extent(values)[1]), 1e-9);
      for (const [name, group] of drawn) {
        const block = shape.blocks.find((each) => each.side === Number(name.split(" ")[0]));
        paintColumn(group, block, changesOf(block.side), largest);
      }
      key.replaceChildren(say("timeline.key"), " ", html("span", { class: "ramp one" }),
        ` 0 – ${number(largest, 2)}`, ...(attentionBetween(pane) ? [html("i"), say("timeline.attends")] : []));
    }
    if (changed.has("step") || changed.has("side") || changed.has("document")) reveal();
    fillColumns();
    drawn.forEach(mark);
    attentionLines(lines, pane, shape);
    strip.draw(shape.longest, view);
    for (const name of names.querySelectorAll("[data-cell]")) {
      const on = Number(name.dataset.cell) === pane.cell && Number(name.dataset.side) === pane.side;
      name.setAttribute("aria-pressed", String(on));
    }
    markStep(scroller, pane, say("timeline.title"));
  };
};

// Up and down go through the cells of a side, and on to the next side.
const climb = (pane, by) => {
  const cell = pane.cell + by;
  if (cell >= 0 && cell < pane.sides[pane.side].cells.length) pane.choose({ cell });
  else if (pane.sides[pane.side + by]) {
    const side = pane.side + by;
    pane.choose({ side, cell: by > 0 ? 0 : pane.sides[side].cells.length - 1 });
  }
};

const blockNames = (pane, block) => {
  const side = pane.sides[block.side];
  const title = side.name ? [html("span", { class: "sidename", style: { top: `${block.labelY - 10}px` } },
    sayOr(`side.${side.name}`, side.name))] : [];
  return [...title, ...block.rows.map(({ cell, y }) => button(side.cells[cell].name, () =>
    pane.choose({ side: block.side, cell }), {
    "data-cell": cell, "data-side": block.side, style: { top: `${y}px` }, title: side.cells[cell].path,
  }))];
};
