"use strict";
// The bar that stays at the top: which step, cell and unit every picture of a pane shows.

const choiceBar = (shown) => {
  const bars = shown.map((pane) => paneChoice(pane, shown.length > 1));
  const linked = shown.length > 1 ? [html("label", { class: "check" }, html("input", {
    type: "checkbox", checked: panes.linked, change: (event) => { panes.linked = event.target.checked; },
  }), say("choice.linked"))] : [];
  return [...bars, ...linked];
};

const paneChoice = (pane, named) => {
  const label = html("b", { class: "token" });
  const count = html("span", { class: "soft count" });
  const cells = html("span", { class: "cells" });
  const unit = html("input", { type: "number", min: 0, "aria-label": say("unit"), change: (event) =>
    pane.choose({ unit: Math.round(Number(event.target.value)) || 0 }) });
  const move = (by) => () => pane.choose({ step: pane.step + by });
  const element = html("div", { class: "pane-choice", role: "group", "aria-label": paneName(pane) },
    named ? html("b", { class: "letter" }, letterOf(pane)) : null,
    html("span", { class: "stepper" }, button("‹", move(-1), { "aria-label": say("step.before") }),
      button("›", move(1), { "aria-label": say("step.next") })),
    label, count, cells, html("label", { class: "unit-choice" }, html("span", {}, say("unit")), unit));
  pane.observe((changed) => {
    label.textContent = shorten(pane.labels[pane.step] ?? "–", 22);
    label.title = pane.labels[pane.step] ?? "";
    count.textContent = say("step.short", { step: pane.labels.length ? pane.step + 1 : 0, count: pane.labels.length });
    unit.value = pane.unit;
    unit.max = pane.chosen ? pane.chosen.units - 1 : 0;
    if (only(changed, ["step", "unit"])) return;
    const choices = pane.sides.flatMap((side, at) => side.cells.map((cell, index) =>
      [`${at} ${index}`, side.name ? `${sayOr(`side.${side.name}`, side.name)} ${cell.name}` : cell.name]));
    cells.replaceChildren(selectOf(say("cell"), choices, `${pane.side} ${pane.cell}`, (value) => {
      const [side, cell] = value.split(" ").map(Number);
      pane.choose({ side, cell });
    }));
  });
  return element;
};
