"use strict";
// Names of the rows and columns of a field of pixels, as far as they are in sight and there is room.

const LETTER = 6.6;
const APART = 15;

const widestOf = (names) => quantile(names.slice(0, 3000).map(textWidth).sort((a, b) => a - b), 0.97) * LETTER;

let family = "";

const font = () => (family ||= getComputedStyle(document.body).fontFamily);

const inkOn = (canvas, width, height, bold) => {
  const context = sharpen(canvas, width, height);
  context.font = `${bold ? "600 " : ""}11.5px ${font()}`;
  return context;
};

const rasterAxes = () => {
  const down = html("canvas", { class: "down", "aria-hidden": "true" });
  const across = html("canvas", { class: "across", "aria-hidden": "true" });
  const room = { left: 0, bottom: 0, turned: false };

  const measure = (field, cellWidth, cellHeight) => {
    room.left = field.rowNames && cellHeight >= 10 ? Math.min(Math.ceil(widestOf(field.rowNames)) + 8, 120) : 0;
    const widest = field.columnNames && cellWidth >= 13 ? widestOf(field.columnNames) : 0;
    room.turned = widest > cellWidth - 4;
    room.bottom = widest ? (room.turned ? Math.min(Math.ceil(widest * 0.75) + 16, 72) : 20) : 0;
    down.style.display = room.left ? "block" : "none";
    across.style.display = room.bottom ? "block" : "none";
    down.style.width = `${room.left}px`;
  };

  const each = (first, size, count, cell, draw) => {
    const last = Math.min(count, Math.ceil((first + size) / cell));
    for (let at = Math.floor(first / cell); at < last; at += 1) draw(at, (at + 0.5) * cell - first);
  };

  const draw = (field, view, chosen) => {
    const [ink, soft] = [colour("ink"), colour("soft")];
    const pen = (context, bold) => {
      context.fillStyle = bold ? ink : soft;
      context.font = context.font.replace(/^(600|bold)? ?/, bold ? "600 " : "");
    };
    if (room.left) {
      const context = inkOn(down, room.left, view.height, false);
      context.textAlign = "right";
      context.textBaseline = "middle";
      each(view.top, view.height, field.rowNames.length, field.cellHeight, (row, y) => {
        pen(context, row === chosen.row);
        context.fillText(shorten(field.rowNames[row], 17), room.left - 6, y);
      });
    }
    if (!room.bottom) return;
    const context = inkOn(across, room.left + view.width, room.bottom, false);
    context.textAlign = room.turned ? "right" : "center";
    const every = Math.ceil(APART / field.cellWidth);
    each(view.left, view.width, field.columnNames.length, field.cellWidth, (column, x) => {
      const name = shorten(field.columnNames[column], 12);
      const cut = room.turned && room.left + x + 4 < context.measureText(name).width * 0.72;
      const covered = Math.abs(column - chosen.column) * field.cellWidth < APART;
      if (column !== chosen.column && (cut || covered || column % every)) return;
      pen(context, column === chosen.column);
      context.save();
      context.translate(room.left + x + (room.turned ? 4 : 0), room.turned ? 10 : 14);
      if (room.turned) context.rotate(-Math.PI / 4);
      context.fillText(name, 0, 0);
      context.restore();
    });
  };
  return { down, across, measure, draw, left: () => room.left };
};
