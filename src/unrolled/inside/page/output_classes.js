"use strict";
// Class probabilities as the text is read.

const MOST_CLASSES = 4;

// The answer first, then whichever classes came closest at any step.
const classesShown = (output, values) => {
  const count = output.names.length;
  const best = output.names.map((_, each) => {
    let high = 0;
    for (let row = each; row < values.length; row += count) high = Math.max(high, values[row]);
    return high;
  });
  const others = [...best.keys()].filter((each) => each !== output.answer).sort((a, b) => best[b] - best[a]);
  return [output.answer, ...others].slice(0, MOST_CLASSES);
};

// A class keeps its colour from one text to the next; where there are too many, the answer has the first.
const roleOfClass = (output, each, at) => `c${(output.names.length <= MOST_CLASSES ? each : at) + 1}`;

// The last row that held at or before a step.
const rowAt = (at, step) => {
  const later = at.findIndex((each) => each > step);
  return later === -1 ? at.length - 1 : Math.max(later - 1, 0);
};

const probabilitiesOutput = (element, pane, find) => {
  const chart = lineChart(pane, { side: () => find().side, label: say("output.probabilities") });
  const title = html("h4");
  const shares = html("div");
  const table = numbersTable(pane, () => classTable(pane, find()));
  element.append(html("h3", {}, say("output.probabilities")), chart.element, title, shares, table.element);
  return (changed) => {
    const output = find();
    const values = pane.array(output.array);
    if (!values) return;
    const count = output.names.length;
    const shown = classesShown(output, values);
    const column = (each) => output.at.map((_, row) => values[row * count + each]);
    chart.draw({
      labels: pane.sides[output.side].steps, low: 0, high: 1,
      lines: shown.map((each, at) => ({
        name: output.names[each], values: column(each), at: output.at, role: roleOfClass(output, each, at),
      })),
    });
    const step = pane.steps[output.side];
    const row = rowAt(output.at, step);
    const after = output.at[row];
    title.textContent = say("output.after", { step: after + 1, label: pane.sides[output.side].steps[after] });
    const bars = shown.map((each, at) =>
      [output.names[each], values[row * count + each], roleOfClass(output, each, at)]);
    shares.replaceChildren(shareBars(bars, output.names[output.answer]));
    table.draw(changed);
  };
};

const classTable = (pane, output) => {
  const values = pane.array(output.array);
  const count = output.names.length;
  return values && {
    columns: [say("step"), ...output.names],
    count: output.at.length,
    label: (row) => `${output.at[row] + 1} · ${pane.sides[output.side].steps[output.at[row]]}`,
    row: (row) => [...values.subarray(row * count, (row + 1) * count)],
    marks: (row) => ({ "data-step": output.at[row] }),
  };
};
