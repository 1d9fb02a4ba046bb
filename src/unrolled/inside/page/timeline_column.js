"use strict";
// One step of one side, drawn: its boxes, the arrows of the state that enter them, and its label.

const PAD = 7;

// Forward the state comes from the left, backward from the right; a small head shows which.
const flowPath = (backward, column, y) => {
  const middle = y + BOX / 2;
  return backward
    ? `M${column + PAD - 1} ${middle}H${column - PAD + 2}m4 -3.5l-4 3.5l4 3.5`
    : `M${1 - PAD} ${middle}H${PAD - 2}m-4 -3.5l4 3.5l-4 3.5`;
};

const timelineColumn = (block, side, step, column) => {
  const group = svg("g", {
    class: "column", "data-side": block.side, "data-step": step, transform: `translate(${step * column} 0)`,
  });
  const middle = column / 2;
  const top = block.rows.length ? block.rows[0].y : block.top;
  group.append(
    svg("rect", {
      class: "back", x: 1, y: block.top - 4, width: column - 2, height: block.bottom - block.top + 8, rx: 7,
    }),
    svg("line", { class: "spine", x1: middle, x2: middle, y1: top, y2: block.labelY - 12 }),
  );
  for (const { cell, y } of block.rows) {
    const { backward } = side.cells[cell];
    group.append(
      svg("path", { class: "flow", d: flowPath(backward, column, y) }),
      svg("rect", { class: "box", "data-cell": cell, x: PAD, y, width: column - 2 * PAD, height: BOX, rx: 6 }),
    );
  }
  const text = side.steps[step];
  group.append(svg("text", { x: middle, y: block.labelY + 4, "text-anchor": "middle" },
    shorten(text, Math.floor((column - 4) / 7.2))));
  return group;
};

// The share of the largest change that each box had, as its colour.
const paintColumn = (group, block, changes, largest) => {
  const step = Number(group.dataset.step);
  for (const box of group.querySelectorAll(".box")) {
    const values = changes[box.dataset.cell];
    const value = values ? values[step] : NaN;
    box.style.setProperty("--level", `${Number.isFinite(value) ? Math.round(6 + value / largest * 88) : 0}%`);
    if (Number.isFinite(value)) box.dataset.value = String(value);
  }
};
