"use strict";
// An attention matrix: every step that looked, by every step it could look at.

const attendedOutput = (element, pane, find) => {
  const field = rasterField({ label: say("output.attended"), tallest: 420 });
  const [name, title] = [html("h3"), html("h4")];
  const shares = html("div");
  const table = numbersTable(pane, () => attendedTable(pane, find()));
  element.append(name, html("p", { class: "note" }, say("output.attended_note")),
    field.frame, title, shares, table.element);
  onWidth(field.frame, () => pane.change("size"));
  steppable(field.element, pane, { side: () => find().rows });
  const labels = (side) => pane.sides[side].steps;

  field.element.addEventListener("click", (event) => {
    const found = field.find(event);
    if (!found) return;
    const output = find();
    if (output.columns !== output.rows) pane.choose({ side: output.columns, step: found.column });
    pane.choose({ side: output.rows, step: found.row });
  });
  hover(field.element, (event) => {
    const output = find();
    const [found, values] = [field.find(event), pane.array(output.array)];
    return found && values && [`${labels(output.rows)[found.row]} → ${labels(output.columns)[found.column]}`,
      [[say("output.weight"), number(values[found.row * labels(output.columns).length + found.column], 4)]]];
  });
  return (changed) => {
    const output = find();
    const values = pane.array(output.array);
    if (!values) return;
    name.textContent = attendedName(pane, output);
    const columns = labels(output.columns).length;
    const rows = Math.round(values.length / columns);
    if (!only(changed, ["step", "side", "unit", "cell"])) {
      const { high } = scaleOf(values);
      field.fit({ values, order: Array.from({ length: rows }, (_, row) => row), rowStride: columns, columnStride: 1,
        columns, scale: { kind: "one", low: 0, high }, lowest: 14, narrowest: 14, widest: 40,
        rowNames: labels(output.rows).slice(0, rows), columnNames: labels(output.columns) }, false);
    }
    const row = Math.min(pane.steps[output.rows], rows - 1);
    field.mark(output.rows === output.columns ? -1 : pane.steps[output.columns], row);
    title.textContent = say("output.attended_at", { step: row + 1, label: labels(output.rows)[row] });
    const best = [...values.subarray(row * columns, (row + 1) * columns)].map((value, step) => [value, step])
      .sort((a, b) => b[0] - a[0]).slice(0, 6);
    shares.replaceChildren(shareBars(best.map(([value, step]) => [labels(output.columns)[step], value, "c1"])));
    markStep(field.element, pane, say("output.attended"));
    table.draw(changed);
  };
};

// Which cell, and of several sides which one looked at which.
const attendedName = (pane, output) => {
  const sides = [output.rows, output.columns].map((at) => pane.sides[at].name).filter(Boolean);
  const between = sides.map((side) => sayOr(`side.${side}`, side)).join(" → ");
  return [say("output.attended"), output.name, between].filter(Boolean).join(" · ");
};

const attendedTable = (pane, output) => {
  const values = pane.array(output.array);
  const [rows, columns] = [pane.sides[output.rows].steps, pane.sides[output.columns].steps];
  return values && {
    columns: [say("step"), ...columns],
    count: Math.round(values.length / columns.length),
    label: (row) => `${row + 1} · ${rows[row]}`,
    row: (row) => [...values.subarray(row * columns.length, (row + 1) * columns.length)],
    marks: (row) => ({ "data-step": row }),
  };
};
