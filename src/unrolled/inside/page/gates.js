"use strict";
// Gates as bars: the mean over the units, the middle half of them, and the chosen unit.

// What the equation calls a gate, or its field.
const gateTitle = (cell, gate) => {
  const names = (part) => part.kind === "gate" && part.field === gate.field;
  const line = cell.equation.find((each) => each.note && each.left.some(names));
  const name = line ? line.note : gate.field;
  return sayOr(`gate.${name}`, sayOr(`gate.${gate.field}`, name));
};

const rowOf = (pane, kept, step) => {
  const values = kept ? pane.array(kept.array) : null;
  const width = kept ? unitCount(pane.document, kept.array) : 0;
  return values ? values.subarray(step * width, (step + 1) * width) : null;
};

const summaryOf = (row) => {
  const sorted = Float32Array.from(row).filter((value) => value === value).sort();
  if (!sorted.length) return null;
  return { mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    low: quantile(sorted, 0.25), middle: quantile(sorted, 0.5), high: quantile(sorted, 0.75),
    least: sorted[0], most: sorted[sorted.length - 1] };
};

const gateBar = (pane, gate) => {
  const row = rowOf(pane, gate, pane.step);
  const sum = row && summaryOf(row);
  if (!sum) return null;
  const cell = pane.chosen;
  const [low, high] = gate.range || [Math.min(0, sum.least), Math.max(0, sum.most, 1e-9)];
  const x = (value) => clamp((value - low) / (high - low), 0, 1) * 100;
  const zero = x(0);
  const own = pane.unit < row.length ? row[pane.unit] : NaN;
  const bar = html("div", { class: "bar", "aria-hidden": "true" },
    html("i", { class: `mean${sum.mean < 0 ? " cold" : ""}`, style: {
      left: `${Math.min(zero, x(sum.mean))}%`, width: `${Math.abs(x(sum.mean) - zero)}%` } }),
    html("i", { class: "quartiles", style: { left: `${x(sum.low)}%`, width: `${x(sum.high) - x(sum.low)}%` } }),
    low < 0 ? html("i", { class: "zero", style: { left: `${zero}%` } }) : null,
    Number.isFinite(own) ? html("i", { class: "own", style: { left: `${x(own)}%` } }) : null);
  const name = gateTitle(cell, gate);
  return html("div", { class: "gate", "data-field": gate.field },
    html("span", { class: "gate-name" }, name,
      gate.symbol && gate.symbol !== name ? html("i", {}, gate.symbol) : null),
    bar, html("span", { class: "gate-mean" }, figureOf(sum.mean, 2)),
    html("span", { class: "gate-own" }, figureOf(own, 2)));
};

const gateHead = (left, right, role = null) => html("div", { class: "gate gate-head" }, html("span"), html("span"),
  html("span", {}, left), html("span", { class: role }, right));

// A cell may keep neither a state nor gates to show.
const keptBy = (cell) => [...cell.states, ...cell.gates];

const gateBars = (pane) => {
  const bars = pane.chosen.gates.map((gate) => gateBar(pane, gate)).filter((bar) => bar !== null);
  if (!bars.length) return html("p", { class: "note" }, say("cell.no_gates"));
  return html("div", { class: "gates" },
    gateHead(say("gate.mean"), say("unit.number", { unit: pane.unit }), "own-head"), ...bars,
    html("p", { class: "note" }, say("gate.key")));
};
