"use strict";
// Where everything of the timeline stands: a column a step, a row a cell, the last side on top.

const BOX = 26;
const PITCH = 40;
const BETWEEN_LAYERS = 10;
const LABEL = 30;
const ATTENTION = 96;

// Columns are as wide as their names ask for; wider where all of them then still stand side by side.
const columnWidth = (sides, longest, room) => {
  const lengths = sides.flatMap((side) => side.steps.slice(0, 2000).map(textWidth)).sort((a, b) => a - b);
  const usual = lengths.length ? quantile(lengths, 0.97) : 0;
  return Math.round(clamp(Math.max(usual * 7.2 + 14, Math.min(Math.floor(room / longest), 92)), 44, 96));
};

// In letters of the Latin alphabet: a Chinese one is twice as wide.
const textWidth = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1.8 : 1), 0);

const shorten = (text, letters) => {
  if (textWidth(text) <= letters) return text;
  let kept = "";
  for (const letter of text) {
    if (textWidth(kept + letter) > letters - 1) break;
    kept += letter;
  }
  return `${kept}…`;
};

// [{side, rows: [{cell, y}], labelY, top, bottom}], and the height of it all.
const timelineShape = (sides, room) => {
  const blocks = [];
  let y = 6;
  for (let side = sides.length - 1; side >= 0; side -= 1) {
    const top = y;
    const rows = [];
    const { cells } = sides[side];
    for (let cell = cells.length - 1; cell >= 0; cell -= 1) {
      rows.push({ cell, y });
      y += PITCH + (cell > 0 && cells[cell - 1].layer !== cells[cell].layer ? BETWEEN_LAYERS : 0);
    }
    if (!rows.length) y += 8;
    blocks.push({ side, rows, top, labelY: y + 12, bottom: y + LABEL - 6 });
    y += LABEL + (side > 0 ? ATTENTION : 0);
  }
  const longest = Math.max(...sides.map((side) => side.steps.length), 1);
  return { blocks, height: y, longest, column: columnWidth(sides, longest, room) };
};
