"use strict";
// A series whose points are dragged, or moved with the keys.

const HIGH = 180;
const MOST_DOTS = 400;

// Values are a list of numbers, or of rows of numbers of which one feature is shown at a time.
const pointsField = (title, given, edit) => {
  const wide = Array.isArray(given[0]) ? given[0].length : 0;
  const values = wide ? given.map((row) => [...row]) : [...given];
  const drawing = svg("svg", { class: "points", height: HIGH, "aria-hidden": "true" });
  const element = html("div", {
    class: "dragged", role: source.live ? "slider" : "img", tabindex: source.live ? 0 : null, "aria-label": title,
  }, drawing);
  const now = { feature: 0, at: values.length - 1, low: 0, high: 1, dragging: false };

  const get = (at) => (wide ? values[at][now.feature] : values[at]);
  const set = (at, value) => {
    if (wide) values[at][now.feature] = value;
    else values[at] = value;
    draw();
    edit(wide ? values.map((row) => [...row]) : [...values]);
  };
  const range = () => {
    const [low, high] = extent(values.map((_, at) => get(at) ?? NaN));
    const spare = (high - low || 1) * 0.3;
    Object.assign(now, { low: low - spare, high: high + spare });
  };
  const x = (at) => 10 + at / Math.max(values.length - 1, 1) * (width() - 20);
  const y = (value) => 8 + (now.high - value) / (now.high - now.low) * (HIGH - 16);
  const width = () => element.clientWidth || 600;

  // Of a long series only the chosen point is drawn as one.
  const drawable = (value, at) => Number.isFinite(value) && (values.length <= MOST_DOTS || at === now.at);
  const dotOf = (value, at) => svg("circle", {
    class: at === now.at ? "dot on" : "dot", cx: x(at), cy: y(value), r: at === now.at ? 6 : 3,
  });

  const draw = () => {
    const line = values.map((_, at) => get(at) ?? NaN);
    drawing.setAttribute("width", width());
    const dots = source.live ? line.map((value, at) => (drawable(value, at) ? dotOf(value, at) : null)) : [];
    const path = svg("path", { class: "line actual", d: pathOf({ values: line }, x, y, width()) });
    drawing.replaceChildren(path, ...dots.filter((dot) => dot !== null));
    if (!source.live) return;
    element.setAttribute("aria-valuenow", get(now.at) ?? "");
    element.setAttribute("aria-valuetext", say("points.at", { step: now.at + 1, value: number(get(now.at) ?? NaN) }));
  };
  const follow = (event) => {
    const box = drawing.getBoundingClientRect();
    set(now.at, now.low + (1 - (event.clientY - box.top - 8) / (HIGH - 16)) * (now.high - now.low));
  };
  element.addEventListener("pointerdown", (event) => {
    if (!source.live) return;
    const box = drawing.getBoundingClientRect();
    const place = (event.clientX - box.left - 10) / (width() - 20);
    now.at = clamp(Math.round(place * (values.length - 1)), 0, values.length - 1);
    now.dragging = true;
    element.setPointerCapture(event.pointerId);
    draw();
  });
  element.addEventListener("pointermove", (event) => now.dragging && follow(event));
  element.addEventListener("pointerup", () => {
    now.dragging = false;
    range();
    draw();
  });
  element.addEventListener("keydown", (event) => {
    if (!source.live) return;
    const along = strides(values.length)[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (along !== undefined) now.at = clamp(now.at + along, 0, values.length - 1);
    else if (up === undefined) return;
    event.preventDefault();
    if (up !== undefined) set(now.at, (get(now.at) ?? 0) + up * (now.high - now.low) / 50);
    else draw();
  });
  new ResizeObserver(draw).observe(element);
  range();
  const choices = Array.from({ length: wide }, (_, at) => [String(at), String(at + 1)]);
  const features = wide > 1 ? [selectOf(say("points.feature"), choices, "0", (at) => {
    now.feature = Number(at);
    range();
    draw();
  })] : [];
  const hint = source.live ? [html("span", { class: "hint" }, say("points.hint"))] : [];
  return html("div", { class: "field" }, html("span", {}, title), ...hint, ...features, element);
};
