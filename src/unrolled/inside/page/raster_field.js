"use strict";
// A scrolling field of pixels with one column and one row marked on it.

const rasterField = ({ label, tallest = 360 }) => {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const columnMark = html("div", { class: "mark column-mark", hidden: true });
  const rowMark = html("div", { class: "mark row-mark", hidden: true });
  const content = html("div", { class: "content" }, canvas, columnMark, rowMark);
  const element = html("div", { class: "scroller raster", "aria-label": label }, content);
  let field = null;

  const paint = () => {
    if (!field) return;
    const width = Math.min(element.clientWidth, field.columns * field.cellWidth);
    const height = Math.min(element.clientHeight, field.order.length * field.cellHeight);
    paintRaster(canvas, { ...field, width, height, left: element.scrollLeft, top: element.scrollTop });
  };

  // Cells as large as there is room for, or all of them at once where `whole`.
  const fit = (given, whole) => {
    const room = element.clientWidth || 600;
    const across = room / given.columns;
    const down = tallest / given.order.length;
    const cellWidth = whole ? across : clamp(across, given.narrowest || 6, 40);
    const cellHeight = whole ? down : clamp(down, given.lowest || 3, 22);
    field = { ...given, cellWidth, cellHeight };
    content.style.width = `${given.columns * cellWidth}px`;
    content.style.height = `${given.order.length * cellHeight}px`;
    element.style.height = `${Math.min(tallest, given.order.length * cellHeight) + (given.columns * cellWidth > room + 1 ? 14 : 2)}px`;
    paint();
  };

  const place = (mark, shown, styles) => {
    mark.hidden = !shown;
    Object.entries(styles).forEach(([name, value]) => { mark.style[name] = `${value}px`; });
  };

  const mark = (column, row) => {
    if (!field) return;
    const { cellWidth, cellHeight, columns, order } = field;
    place(columnMark, column >= 0 && column < columns, {
      left: column * cellWidth - 1, width: Math.max(cellWidth, 1) + 2, height: order.length * cellHeight,
    });
    place(rowMark, row >= 0 && row < order.length, {
      top: row * cellHeight - 1, height: Math.max(cellHeight, 1) + 2, width: columns * cellWidth,
    });
  };

  const reveal = (column) => {
    if (!field) return;
    const x = column * field.cellWidth;
    const edge = element.scrollLeft + element.clientWidth;
    if (x < element.scrollLeft || x + field.cellWidth > edge) element.scrollLeft = x - element.clientWidth / 2;
  };

  const find = (event) => {
    if (!field) return null;
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left + element.scrollLeft) / field.cellWidth);
    const row = Math.floor((event.clientY - box.top + element.scrollTop) / field.cellHeight);
    return column >= 0 && row >= 0 && column < field.columns && row < field.order.length ? { column, row } : null;
  };

  const clear = () => { field = null; };

  element.addEventListener("scroll", () => {
    const start = performance.now();
    paint();
    performance.clearMeasures("scroll raster");
    performance.measure("scroll raster", { start, end: performance.now() });
  }, { passive: true });
  return { element, content, fit, mark, reveal, find, paint, clear };
};
