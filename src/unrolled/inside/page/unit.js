"use strict";
// One unit over the whole text: what it follows, as a line and as the colour of the words.

const unitPart = (card, pane) => {
  const title = html("h3");
  const note = html("p", { class: "note" });
  const chart = lineChart(pane, { side: () => pane.side, height: 150, label: say("unit.title") });
  const tokens = tokensOf(pane, () => pane.side, say("unit.tokens"));
  const table = numbersTable(pane, () => unitTable(pane));
  card.append(title, note, chart.element, tokens.element, table.element);

  return (changed) => {
    const cell = pane.chosen && keptBy(pane.chosen).length ? pane.chosen : null;
    const text = pane.labels.length > 0 && isText(pane.labels);
    [title, note, chart.element, table.element].forEach((each) => { each.hidden = !cell; });
    tokens.element.hidden = !cell || !text;
    if (!cell) return;
    const [kept] = keptBy(cell);
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
    table.draw(changed, ["unit"]);
  };
};

const unitTable = (pane) => {
  const cell = pane.chosen;
  const kept = keptBy(cell).filter((each) => pane.array(each.array));
  return {
    columns: [say("step"), ...kept.map((each) => each.field)],
    count: pane.labels.length,
    label: (step) => `${step + 1} · ${pane.labels[step]}`,
    row: (step) => kept.map((each) => elementOf(pane, each, step)),
    marks: (step) => ({ "data-step": step, "data-unit": pane.unit }),
    cellMarks: (at) => ({ "data-field": kept[at].field }),
  };
};
