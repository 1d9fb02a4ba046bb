"use strict";
// A scrolling field of pixels with names at its edges, and one column and one row marked on it.

// The room that a scroll bar may take.
const BAR = 14;

const rasterField = ({ label, tallest = 360 }) => {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const columnMark = html("div", { class: "mark column-mark", hidden: true });
  const rowMark = html("div", { class: "mark row-mark", hidden: true });
  const content = html("div", { class: "content" }, canvas, columnMark, rowMark);
  const element = html("div", { class: "scroller raster", "aria-label": label }, content);
  const axes = rasterAxes();
  const frame = html("div", { class: "raster-frame" }, axes.down, element, axes.across);
  const chosen = { column: -1, row: -1 };
  // What is in sight, kept for the same reason as in the timeline.
  const view = { left: 0, top: 0, room: 0 };
  let field = null;

  const inView = () => ({
    width: Math.min(view.room, field.columns * field.cellWidth),
    height: Math.min(tallest, field.order.length * field.cellHeight),
    left: view.left,
    top: view.top,
  });

  const paint = () => {
    if (!field) return;
    paintRaster(canvas, { ...field, ...inView() });
    axes.draw(field, inView(), chosen);
  };

  // Cells as large as there is room for, or all of them at once where `whole`.
  const fit = (given, whole) => {
    const down = tallest / given.order.length;
    const cellHeight = whole ? down : clamp(down, given.lowest || 3, 22);
    axes.measure(given, widthOf(frame) / given.columns, cellHeight);
    const room = widthOf(frame) - axes.left() - (given.order.length * cellHeight > tallest ? BAR : 0);
    const across = room / given.columns;
    const cellWidth = whole ? across : clamp(across, given.narrowest || 6, given.widest || Infinity);
    field = { ...given, cellWidth, cellHeight };
    axes.measure(field, cellWidth, cellHeight);
    const wide = given.columns * cellWidth;
    view.room = room;
    view.left = clamp(view.left, 0, Math.max(wide - room, 0));
    view.top = clamp(view.top, 0, Math.max(given.order.length * cellHeight - tallest, 0));
    content.style.width = `${wide}px`;
    content.style.height = `${given.order.length * cellHeight}px`;
    element.style.height = `${Math.min(tallest, given.order.length * cellHeight) + (wide > room + 1 ? BAR : 0)}px`;
    paint();
  };

  const place = (mark, shown, styles) => {
    mark.hidden = !shown;
    Object.entries(styles).forEach(([name, value]) => { mark.style[name] = `${value}px`; });
  };

  const mark = (column, row) => {
    if (!field) return;
    const { cellWidth, cellHeight, columns, order } = field;
    const moved = chosen.column !== column || chosen.row !== row;
    Object.assign(chosen, { column, row });
    place(columnMark, column >= 0 && column < columns, {
      left: column * cellWidth - 1, width: Math.max(cellWidth, 1) + 2, height: order.length * cellHeight,
    });
    place(rowMark, row >= 0 && row < order.length, {
      top: row * cellHeight - 1, height: Math.max(cellHeight, 1) + 2, width: columns * cellWidth,
    });
    if (moved) axes.draw(field, inView(), chosen);
  };

  const reveal = (column) => {
    if (!field) return;
    const x = column * field.cellWidth;
    if (x < view.left || x + field.cellWidth > view.left + view.room + 1) element.scrollLeft = x - view.room / 2;
  };

  const find = (event) => {
    if (!field) return null;
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left + element.scrollLeft) / field.cellWidth);
    const row = Math.floor((event.clientY - box.top + element.scrollTop) / field.cellHeight);
    return column >= 0 && row >= 0 && column < field.columns && row < field.order.length ? { column, row } : null;
  };

  element.addEventListener("scroll", () => measured("scroll raster", () => {
    Object.assign(view, { left: element.scrollLeft, top: element.scrollTop });
    paint();
  }), { passive: true });
  return { element, frame, fit, mark, reveal, find };
};
