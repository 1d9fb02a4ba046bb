"use strict";
// One unit over the whole text: what it follows, as a line and as the colour of the words.

const unitPart = (card, pane) => {
  const title = html("h3");
  const note = html("p", { class: "note" });
  const chart = lineChart(pane, { side: () => pane.side, height: 150, label: say("unit.title") });
  const tokens = tokensOf(pane, () => pane.side, say("unit.tokens"));
  const health = html("div", { class: "health" });
  const table = numbersTable(pane, () => unitTable(pane));
  card.append(title, note, chart.element, tokens.element, table.element, health);

  return (changed) => {
    const cell = pane.chosen;
    const text = pane.labels.length > 0 && isText(pane.labels);
    [title, note, chart.element, table.element].forEach((each) => { each.hidden = !cell; });
    tokens.element.hidden = !cell || !text;
    if (!cell) return;
    const kept = cell.states[0] || cell.gates[0];
    const width = unitCount(pane.document, kept.array);
    const values = pane.array(kept.array);
    title.textContent = say("unit.of", { unit: pane.unit, cell: cell.name, field: kept.field });
    const follows = pane.array(cell.output_correlation);
    note.textContent = follows ? say("unit.correlation", { value: signed(follows[pane.unit], 2) }) : "";
    if (cell.dead.includes(pane.unit)) note.textContent += ` ${say("unit.is_dead")}`;
    if (values) {
      const line = Array.from({ length: pane.labels.length }, (_, step) => values[step * width + pane.unit]);
      chart.draw({ labels: pane.labels, lines: [{ name: kept.field, values: line, role: "c1" }] });
      const scale = scaleOf(line);
      if (text) {
        tokens.draw((span, step) => {
          tint(span, line[step], scale);
          span.title = number(line[step], 4);
        });
      }
    }
    if (!only(changed, ["step"])) health.replaceChildren(...saturation(pane, cell), ...dead(pane, cell));
    table.draw(changed, ["unit"]);
  };
};

const unitTable = (pane) => {
  const cell = pane.chosen;
  const kept = [...cell.states, ...cell.gates].filter((each) => pane.array(each.array));
  return {
    columns: [say("step"), ...kept.map((each) => each.field)],
    count: pane.labels.length,
    label: (step) => `${step + 1} · ${pane.labels[step]}`,
    row: (step) => kept.map((each) => elementOf(pane, each, step)),
    marks: (step) => ({ "data-step": step, "data-unit": pane.unit }),
  };
};

// How often a gate is all but shut or all but open.
const saturation = (pane, cell) => {
  const rows = cell.gates.filter((gate) => cell.saturated[gate.field]).map((gate) => {
    const { low, high } = cell.saturated[gate.field];
    const part = (share, name) => html("i", { class: name, style: { width: `${share * 100}%` } });
    return html("div", { class: "gate saturated", "data-field": gate.field },
      html("span", { class: "gate-name" }, gateTitle(cell, gate)),
      html("div", { class: "bar stacked", "aria-hidden": "true" }, part(low, "shut"), part(1 - low - high, "between"), part(high, "open")),
      html("span", { class: "gate-mean", "data-value": String(low) }, percent(low)),
      html("span", { class: "gate-own", "data-value": String(high) }, percent(high)));
  });
  return rows.length ? [html("h3", {}, say("saturated.title")), html("p", { class: "note" }, say("saturated.note")),
    html("div", { class: "gates" }, html("div", { class: "gate gate-head" }, html("span"), html("span"),
      html("span", {}, say("saturated.shut")), html("span", {}, say("saturated.open"))), ...rows)] : [];
};

const MOST_NAMED = 24;

const dead = (pane, cell) => [html("h3", {}, say("dead.title")), cell.dead.length
  ? html("p", { class: "dead" }, say("dead.some", { count: cell.dead.length, units: cell.units }), " ",
    cell.dead.slice(0, MOST_NAMED).map((unit) => button(String(unit), () => pane.choose({ unit }), { "data-unit": unit })),
    cell.dead.length > MOST_NAMED ? " …" : "")
  : html("p", { class: "note" }, say("dead.none"))];
