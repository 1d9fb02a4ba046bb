"use strict";
// How often a gate is all but shut or all but open, and the units that hardly move.

const MOST_NAMED = 24;

const healthOf = (pane, cell) => [saturation(cell), dead(pane, cell)].filter((block) => block !== null);

const saturation = (cell) => {
  const rows = cell.gates.filter((gate) => cell.saturated[gate.field]).map((gate) => {
    const { low, high } = cell.saturated[gate.field];
    const part = (share, name) => html("i", { class: name, style: { width: `${share * 100}%` } });
    return html("div", { class: "gate saturated", "data-field": gate.field },
      html("span", { class: "gate-name" }, gateTitle(cell, gate)),
      html("div", { class: "bar stacked", "aria-hidden": "true" },
        part(low, "shut"), part(1 - low - high, "between"), part(high, "open")),
      html("span", { class: "gate-mean", "data-value": String(low) }, percent(low)),
      html("span", { class: "gate-own", "data-value": String(high) }, percent(high)));
  });
  if (!rows.length) return null;
  return html("div", {}, html("h3", {}, say("saturated.title")), html("p", { class: "note" }, say("saturated.note")),
    html("div", { class: "gates" }, gateHead(say("saturated.shut"), say("saturated.open")), ...rows));
};

const dead = (pane, cell) => html("div", {}, html("h3", {}, say("dead.title")), cell.dead.length
  ? html("p", { class: "dead" }, say("dead.some", { count: cell.dead.length, units: cell.units }), " ",
    cell.dead.slice(0, MOST_NAMED).map((unit) =>
      button(String(unit), () => pane.choose({ unit }), { "data-unit": unit })),
    cell.dead.length > MOST_NAMED ? " …" : "")
  : html("p", { class: "note" }, say("dead.none")));
