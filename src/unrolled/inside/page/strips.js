"use strict";
// A state before and after one step: two strips with a cell for every unit.

const BESIDE_STRIP = 72;

const stateStrip = (pane, state) => {
  const width = unitCount(pane.document, state.array);
  const canvases = [html("canvas"), html("canvas")];
  const mark = html("i", { class: "mark" });
  const title = html("h4", {}, sayOr(`state.${state.field}`, state.field));
  const strip = html("div", { class: "strip" }, ...canvases, mark);
  const element = html("div", { class: "state", "data-field": state.field }, title,
    html("div", { class: "strip-rows" }, html("div", { class: "strip-names" },
      html("span", {}, say("state.before")), html("span", {}, say("state.after"))), strip));
  let rows = [null, null];

  const unitAt = (event) => {
    const box = strip.getBoundingClientRect();
    return clamp(Math.floor((event.clientX - box.left) / box.width * width), 0, width - 1);
  };
  strip.addEventListener("click", (event) => pane.choose({ unit: unitAt(event) }));
  hover(strip, (event) => {
    const unit = unitAt(event);
    return rows[1] && [say("unit.number", { unit }), [
      [say("state.before"), number(rows[0] ? rows[0][unit] : NaN, 4)], [say("state.after"), number(rows[1][unit], 4)],
    ]];
  });

  const draw = (room) => {
    const step = stepBefore(pane);
    const begin = pane.array(state.begin);
    rows = [step === null ? begin : rowOf(pane, state, step), rowOf(pane, state, pane.step)];
    const values = pane.array(state.array);
    if (!values) return;
    const scale = scaleOf(values);
    const wide = room - BESIDE_STRIP;
    canvases.forEach((canvas, at) => rows[at] && paintRaster(canvas, {
      values: rows[at], order: [0], rowStride: 0, columnStride: 1, columns: width, left: 0, top: 0,
      cellWidth: wide / width, cellHeight: 22, width: wide, height: 22, scale,
    }));
    mark.style.left = `${pane.unit / width * 100}%`;
    mark.style.width = `max(${100 / width}%, 3px)`;
  };
  return { element, draw };
};
