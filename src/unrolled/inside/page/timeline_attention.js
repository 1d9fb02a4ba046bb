"use strict";
// Lines from the chosen step of one side to the steps of another that it looked at.

const MOST_LINES = 40;

const attentionBetween = (pane) => pane.document.outputs.find((output) =>
  output.kind === "attended" && output.rows !== output.columns);

const attentionLines = (group, pane, shape) => {
  const attended = attentionBetween(pane);
  const weights = attended ? pane.array(attended.array) : null;
  group.replaceChildren();
  if (!weights) return;
  const columns = pane.sides[attended.columns].steps.length;
  const row = Math.min(pane.steps[attended.rows], weights.length / columns - 1);
  const from = shape.blocks.find((block) => block.side === attended.rows);
  const to = shape.blocks.find((block) => block.side === attended.columns);
  const x = (step) => (step + 0.5) * shape.column;
  const values = [...weights.subarray(row * columns, (row + 1) * columns)].map((value, step) => [value, step]);
  const strongest = values.sort((a, b) => b[0] - a[0]).slice(0, MOST_LINES).filter(([value]) => value > 0.004);
  const [y1, y2] = [from.bottom + 5, to.top - 6];
  const bend = (y2 - y1) * 0.5;
  group.append(...strongest.map(([value, step]) => svg("path", {
    "data-step": step,
    "data-value": String(value),
    d: `M${x(row)} ${y1}C${x(row)} ${y1 + bend} ${x(step)} ${y2 - bend} ${x(step)} ${y2}`,
    "stroke-width": 1 + 7 * value,
    opacity: 0.12 + 0.78 * value,
  })));
};
