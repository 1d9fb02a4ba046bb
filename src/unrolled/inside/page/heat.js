"use strict";
// Heat maps over time: the units of one cell by the steps, for a state or a gate.

const fieldsOf = (cell) => [
  ...cell.states.map(({ field, array }) => ({ field, array, title: sayOr(`state.${field}`, field) })),
  ...cell.gates.map((gate) => ({ ...gate, title: gateTitle(cell, gate) })),
];

const unitCount = (shown, array) => shown.arrays[array].shape[1];

// Units in the order that was asked for; one that does not fit (gates of another width) is by number.
const orderOf = (cell, name, count) => {
  const order = cell.orders[name];
  return order && order.length === count ? order : Array.from({ length: count }, (_, unit) => unit);
};

const ordersOf = (cell) => [...Object.keys(cell.orders), "number"].map((name) => [name, sayOr(`order.${name}`, name)]);

const heatPart = (card, pane) => {
  const now = (pane.kept.heat ||= { field: null, order: "activity", whole: false, rows: [], values: null });
  const head = html("div", { class: "controls" });
  const field = rasterField({ label: say("heat.title") });
  const foot = html("div", { class: "heat-foot" });
  const nothing = html("p", { class: "note", hidden: true }, say("cell.none"));
  const health = html("div", { class: "health" });
  const table = numbersTable(pane, () => heatTable(pane, now));
  card.append(head, field.frame, foot, nothing, table.element, health);

  steppable(field.element, pane, {
    across: (by) => {
      const at = now.rows.indexOf(pane.unit) - by;
      if (at >= 0 && at < now.rows.length) pane.choose({ unit: now.rows[at] });
    },
  });
  field.element.addEventListener("click", (event) => {
    const found = field.find(event);
    if (found) pane.choose({ step: found.column, unit: now.rows[found.row] });
  });
  hover(field.element, (event) => {
    const found = field.find(event);
    if (!found || !now.values) return null;
    const unit = now.rows[found.row];
    const value = now.values[found.column * now.width + unit];
    return [`${found.column + 1} · ${pane.labels[found.column]}`, [[say("unit.number", { unit }), number(value, 4)]]];
  });
  onWidth(field.frame, () => pane.change("size"));

  const set = (change) => {
    Object.assign(now, change);
    pane.change("heat");
  };

  const controls = (cell, fields) => head.replaceChildren(
    segments(say("heat.field"), fields.map((each) => [each.field, each.title]), now.field, (field_) =>
      set({ field: field_ })),
    selectOf(say("heat.order"), ordersOf(cell), now.order, (order) => set({ order })),
    html("label", { class: "check" }, html("input", {
      type: "checkbox", checked: now.whole, change: (event) => set({ whole: event.target.checked }),
    }), say("heat.whole")),
  );

  const legend = (scale) => foot.replaceChildren(html("span", { class: "soft" }, number(scale.low, 2)),
    html("span", { class: `ramp ${scale.kind}` }), html("span", { class: "soft" }, number(scale.high, 2)),
    html("span", { class: "soft apart" }, say("heat.axes", { units: now.rows.length, steps: pane.labels.length })));

  const marks = () => field.mark(pane.step, now.rows.indexOf(pane.unit));

  return (changed) => {
    const cell = pane.chosen && keptBy(pane.chosen).length ? pane.chosen : null;
    [head, field.frame, foot, table.element, health].forEach((each) => { each.hidden = !cell; });
    nothing.hidden = Boolean(cell);
    if (!cell) return;
    if (only(changed, ["step", "unit"])) {
      marks();
    } else {
      const fields = fieldsOf(cell);
      const shown = fields.find((each) => each.field === now.field) || fields[0];
      now.field = shown.field;
      now.values = pane.array(shown.array);
      now.width = unitCount(pane.document, shown.array);
      now.rows = orderOf(cell, now.order, now.width);
      if (changed.has("document") || changed.has("cell") || changed.has("side") || changed.has("heat")) {
        controls(cell, fields);
        health.replaceChildren(...healthOf(pane, cell));
      }
      if (now.values) {
        const scale = scaleOf(now.values, shown.range);
        field.fit({ values: now.values, order: now.rows, rowStride: 1, columnStride: now.width,
          columns: pane.labels.length, scale, columnNames: pane.labels, rowNames: now.rows.map(String) }, now.whole);
        legend(scale);
      }
      marks();
    }
    if (changed.has("step") || changed.has("document")) field.reveal(pane.step);
    markStep(field.element, pane, `${say("heat.title")}: ${cell.name} ${now.field}`);
    table.draw(changed);
  };
};

const only = (changed, names) => [...changed].every((each) => names.includes(each));

const heatTable = (pane, now) => now.values && {
  columns: [say("step"), ...now.rows.map((unit) => say("unit.number", { unit }))],
  count: pane.labels.length,
  label: (step) => `${step + 1} · ${pane.labels[step]}`,
  row: (step) => now.rows.map((unit) => now.values[step * now.width + unit]),
  marks: (step) => ({ "data-step": step, "data-field": now.field }),
  cellMarks: (at) => ({ "data-unit": now.rows[at] }),
};
