"use strict";
// A cell's equation with the numbers of one unit at one step below its symbols.

const valueOf = (pane, part) => {
  const cell = pane.chosen;
  if (part.kind === "gate") return elementOf(pane, cell.gates.find((gate) => gate.field === part.field), pane.step);
  const state = cell.states.find((each) => each.field === part.field);
  return part.kind === "before" ? before(pane, state) : elementOf(pane, state, pane.step);
};

const elementOf = (pane, kept, step) => {
  const values = kept ? pane.array(kept.array) : null;
  const width = kept ? unitCount(pane.document, kept.array) : 0;
  return values && pane.unit < width ? values[step * width + pane.unit] : NaN;
};

// Backward, the step that was read before stands to the right.
const stepBefore = (pane) => {
  const step = pane.step + (pane.chosen.backward ? 1 : -1);
  return step >= 0 && step < pane.labels.length ? step : null;
};

const before = (pane, state) => {
  const step = stepBefore(pane);
  if (step !== null) return elementOf(pane, state, step);
  const begin = state ? pane.array(state.begin) : null;
  return begin && pane.unit < begin.length ? begin[pane.unit] : NaN;
};

// "W_ii x + b_ii" with its indices set low.
const plain = (text) => text.split(/(_[A-Za-z0-9]+)/).map((piece) =>
  (piece.startsWith("_") && piece.length > 1 ? html("sub", {}, piece.slice(1)) : piece));

const partOf = (pane, part, numbered) => {
  if (typeof part === "string") {
    const text = part.replaceAll("*", "·");
    return html("span", { class: "sign" }, html("span", {}, plain(text)),
      html("span", { class: "below", "aria-hidden": "true" }, numbered ? text : ""));
  }
  const value = numbered ? valueOf(pane, part) : NaN;
  const below = Number.isFinite(value) ? figureOf(value) : html("span", {}, "");
  below.classList.add("below");
  return html("span", { class: `symbol of-${part.kind}`, "data-field": part.field, "data-kind": part.kind },
    html("span", {}, plain(part.s)), below);
};

const equationLine = (pane, line) => html("div", { class: `line${line.elementwise ? " elementwise" : ""}` },
  html("span", { class: "left" }, line.left.map((part) => partOf(pane, part, true))),
  partOf(pane, " = ", line.elementwise),
  html("span", { class: "right" }, line.right.map((part) => partOf(pane, part, line.elementwise))),
  line.note ? html("span", { class: "remark" }, sayOr(`gate.${line.note}`, line.note)) : null);

const equation = (pane) => html("div", { class: "equation", role: "group", "aria-label": say("cell.equation") },
  pane.chosen.equation.map((line) => equationLine(pane, line)));
