"use strict";
// One cell at one step: its equation with numbers, its gates, and its state before and after.

const cellPart = (card, pane) => {
  const head = html("div", { class: "cell-head" });
  const formula = html("div");
  const gates = html("div");
  const states = html("div", { class: "states" });
  const doc = html("pre");
  const folded = html("details", {}, html("summary", {}, say("cell.doc")), doc);
  const table = numbersTable(pane, () => cellTable(pane));
  card.append(head, html("div", { class: "cell-body" }, formula, gates), states, table.element, folded);
  let strips = [];
  onWidth(states, () => pane.change("size"));

  const drawHead = (cell) => {
    const step = stepBefore(pane);
    const from = step === null ? say("cell.begin")
      : say(cell.backward ? "cell.backward" : "cell.forward", { step: step + 1, label: pane.labels[step] });
    head.replaceChildren(html("h3", {}, `${cell.name} · ${cell.type} · ${sayStep(pane)}`),
      html("p", { class: "note" }, from));
  };

  return (changed) => {
    const cell = pane.chosen;
    folded.hidden = !cell;
    table.element.hidden = !cell;
    if (!cell) {
      [formula, gates, states].forEach((each) => each.replaceChildren());
      head.replaceChildren(html("p", { class: "note" }, say("cell.none")));
      return;
    }
    drawHead(cell);
    if (changed.has("document") || changed.has("cell") || changed.has("side")) {
      strips = cell.states.map((state) => stateStrip(pane, state));
      states.replaceChildren(...strips.map((strip) => strip.element));
      doc.textContent = cell.doc;
    }
    formula.replaceChildren(
      cell.equation.length ? equation(pane) : html("p", { class: "note" }, marked(cell.summary)));
    gates.replaceChildren(gateBars(pane));
    strips.forEach((strip) => strip.draw(widthOf(states)));
    table.draw(changed, ["step"]);
  };
};

const cellTable = (pane) => {
  const cell = pane.chosen;
  const step = stepBefore(pane);
  const after = cell.states.map((state) => rowOf(pane, state, pane.step));
  const earlier = cell.states.map((state) => (step === null ? pane.array(state.begin) : rowOf(pane, state, step)));
  const gates = cell.gates.map((gate) => rowOf(pane, gate, pane.step));
  const rows = [...gates, ...earlier, ...after];
  const marksOf = (kind) => ({ field }) => ({ "data-field": field, "data-kind": kind });
  const fields = [...cell.gates.map(marksOf("gate")),
    ...cell.states.map(marksOf("before")), ...cell.states.map(marksOf("after"))];
  if (rows.includes(null)) return null;
  return {
    columns: [say("unit"), ...cell.gates.map((gate) => gateTitle(cell, gate)),
      ...cell.states.map((state) => `${state.field} ${say("state.before")}`),
      ...cell.states.map((state) => `${state.field} ${say("state.after")}`)],
    count: cell.units,
    label: (unit) => String(unit),
    row: (unit) => rows.map((row) => row[unit] ?? NaN),
    marks: (unit) => ({ "data-unit": unit }),
    cellMarks: (at) => fields[at],
  };
};
