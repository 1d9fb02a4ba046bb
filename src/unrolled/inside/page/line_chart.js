"use strict";
// Lines and bands over the steps, with a cursor at the chosen one.

const LEFT = 46;
const BOTTOM = 20;
const ROOM_FOR_NAMES = 92;

// At most two points for every pixel: the least and the greatest of each stretch.
const thinned = (values, width) => {
  const points = [];
  const size = Math.max(1, Math.ceil(values.length / Math.max(width, 1)));
  for (let first = 0; first < values.length; first += size) {
    const last = Math.min(first + size, values.length);
    let [least, most] = [first, first];
    for (let at = first; at < last; at += 1) {
      if (values[at] < values[least]) least = at;
      if (values[at] > values[most]) most = at;
    }
    points.push(...(least === most ? [least] : [Math.min(least, most), Math.max(least, most)]));
  }
  return points;
};

const pathOf = (line, x, y, width) => {
  let pen = "M";
  let path = "";
  for (const at of thinned(line.values, width)) {
    const value = line.values[at];
    if (!Number.isFinite(value)) {
      pen = "M";
      continue;
    }
    path += `${pen}${x(line.at ? line.at[at] : at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  }
  return path;
};

const bandPath = (band, x, y) => {
  const at = (index) => x(band.at ? band.at[index] : index).toFixed(1);
  const upper = band.high.map((value, index) => `${at(index)} ${y(value).toFixed(1)}`);
  const lower = band.low.map((value, index) => `${at(index)} ${y(value).toFixed(1)}`).reverse();
  return `M${[...upper, ...lower].join("L")}Z`;
};

// Powers of ten; a line ends where it leaves the chart.
const logarithmic = (line, least = -Infinity) => ({
  ...line,
  values: line.values.map((value) => Math.log10(value)).map((power) => (power < least ? NaN : power)),
});

// A line may stand at some of the places only.
const valueAt = (line, place) => line.values[line.at ? line.at.indexOf(place) : place];

// draw({labels, lines: [{name, values, at, role}], bands, log, marker, low, high}); `marker` null hides the cursor.
const lineChart = (pane, { side, height = 190, label, step = true }) => {
  const drawing = svg("svg", { class: "lines", height, "aria-hidden": "true" });
  const keys = html("ul", { class: "legend" });
  const element = html("div", { class: "line-chart" }, drawing, keys);
  let now = null;
  onWidth(element, () => now && pane.change("size"));
  if (step) steppable(element, pane, { side });
  else element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);

  const positionOf = (event) => {
    const box = drawing.getBoundingClientRect();
    return clamp(Math.round((event.clientX - box.left - LEFT - now.inset) / now.apart), 0, now.labels.length - 1);
  };
  drawing.addEventListener("click", (event) => {
    if (!now || !step) return;
    const chosen = now.stepOf ? now.stepOf(positionOf(event)) : positionOf(event);
    if (chosen !== null) pane.choose({ side: side(), step: chosen });
  });
  hover(drawing, (event) => {
    if (!now) return null;
    const at = positionOf(event);
    const rows = now.lines.map((line) => [line.name, valueAt(line, at)]).filter(([, value]) => Number.isFinite(value));
    return [now.labels[at], rows.map(([name, value]) => [name, number(value, 4)])];
  });

  const draw = (given) => {
    const width = widthOf(element);
    const right = given.lines.some((line) => line.ends) ? ROOM_FOR_NAMES : 12;
    const inner = width - LEFT - right;
    const shown = given.log ? { ...given, lines: given.lines.map((line) => logarithmic(line, given.low)) } : given;
    const [low, high] = limits(shown);
    const count = given.labels.length;
    const inset = count > 1 ? 0 : inner / 2;
    const apart = count > 1 ? inner / (count - 1) : 1;
    const x = (at) => LEFT + inset + at * apart;
    const y = (value) => 8 + (high - value) / (high - low) * (height - BOTTOM - 8);
    now = { ...given, apart, inset };
    drawing.setAttribute("width", width);
    drawing.replaceChildren(...frameOf({ given, low, high, x, y, width, height, right }),
      ...(given.bands || []).map((band, at) => svg("path", { class: `area band${at}`, d: bandPath(band, x, y) })),
      ...shown.lines.map((line) => svg("path", { class: `line ${line.role}`, d: pathOf(line, x, y, inner) })),
      ...endNames(shown.lines, x, y, height - BOTTOM),
      ...cursorOf(pane, given, side, step, { x, y, height, shown }));
    keys.replaceChildren(...(given.lines.length > 1 || given.bands ? legendOf(given) : []));
    if (step) markStep(element, pane, label);
  };
  return { element, draw };
};
