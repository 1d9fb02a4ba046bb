"use strict";
// Lines and bands over the steps, with a cursor at the chosen one.

const LEFT = 46;
const BOTTOM = 20;
const ROOM_FOR_NAMES = 92;

const niceTicks = (low, high, count) => {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * power >= raw) * power;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) ticks.push(at * step);
  return ticks;
};

const logTicks = (low, high) => {
  const [first, last] = [Math.ceil(low), Math.floor(high)];
  const apart = Math.max(1, Math.ceil((last - first) / 4));
  return Array.from({ length: Math.max(0, Math.floor((last - first) / apart) + 1) }, (_, at) => last - at * apart);
};

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
    const rows = now.lines.map((line) => [line.name, line.values[line.at ? line.at.indexOf(at) : at]]);
    return [now.labels[at], rows.filter(([, value]) => Number.isFinite(value)).map(([name, value]) => [name, number(value, 4)])];
  });

  const draw = (given) => {
    const width = widthOf(element);
    const right = given.lines.some((line) => line.ends) ? ROOM_FOR_NAMES : 12;
    const inner = width - LEFT - right;
    const shown = given.log ? { ...given, lines: given.lines.map((line) => ({ ...line, values: line.values.map((value) => Math.log10(value)) })) } : given;
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
      ...endNames(shown.lines, x, y),
      ...cursorOf(pane, given, side, step, { x, y, height, shown }));
    keys.replaceChildren(...(given.lines.length > 1 || given.bands ? legendOf(given) : []));
    if (step) markStep(element, pane, label);
  };
  return { element, draw };
};

const limits = (shown) => {
  const all = [...shown.lines.map((line) => line.values), ...(shown.bands || []).flatMap((band) => [band.low, band.high])];
  const ends = all.filter((values) => values.length).map((values) => extent(values));
  let low = shown.low ?? Math.min(...ends.map((end) => end[0]));
  let high = shown.high ?? Math.max(...ends.map((end) => end[1]));
  if (!(low < high)) [low, high] = [low - 0.5, high + 0.5];
  const spare = (high - low) * 0.04;
  return [shown.low ?? low - spare, shown.high ?? high + spare];
};

const frameOf = ({ given, low, high, x, y, width, height, right }) => {
  const ticks = given.log ? logTicks(low, high) : niceTicks(low, high, 4);
  const text = (value) => (given.log ? powerOfTen(value) : number(value, Math.abs(high - low) < 0.2 ? 3 : Math.abs(high - low) < 8 ? 1 : 0));
  const count = given.labels.length;
  const widest = Math.max(...given.labels.slice(0, 60).map(textWidth), 3) * 7 + 14;
  const every = Math.max(1, Math.ceil(count * widest / (width - LEFT - right)));
  const places = Array.from({ length: Math.ceil(count / every) }, (_, at) => at * every);
  return [
    ...ticks.map((value) => svg("line", { class: "grid", x1: LEFT, x2: width - right, y1: y(value), y2: y(value) })),
    ...ticks.map((value) => svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, text(value))),
    ...places.map((at) => {
      const text_ = shorten(given.labels[at], 14);
      const half = textWidth(text_) * 3.4;
      return svg("text", { x: clamp(x(at), half, width - half), y: height - 3, "text-anchor": "middle" }, text_);
    }),
  ];
};

// The names of lines that are named where they end, kept apart.
const endNames = (lines, x, y) => {
  let above = -Infinity;
  return lines.filter((line) => line.ends).map((line) => {
    const last = line.values.findLastIndex((value) => Number.isFinite(value));
    return { line, last, y: last < 0 ? NaN : y(line.values[last]) + 4 };
  }).filter(({ last }) => last >= 0).sort((a, b) => a.y - b.y).map((end) => {
    above = Math.max(end.y, above + 13);
    return svg("text", { class: "end", x: x(end.last) + 8, y: above }, end.line.name);
  });
};

const powerOfTen = (power) => (power === 0 ? "1" : power >= -2 && power < 0 ? String(10 ** power) : `1e${number(power, 0)}`);

const cursorOf = (pane, given, side, step, { x, y, height, shown }) => {
  const at = given.marker === undefined && step ? pane.steps[side()] : given.marker;
  if (at === undefined || at === null || at < 0) return [];
  const spots = shown.lines.map((line) => [line, line.values[line.at ? line.at.indexOf(at) : at]]);
  return [svg("line", { class: "cursor", x1: x(at), x2: x(at), y1: 4, y2: height - BOTTOM }),
    ...spots.filter(([line, value]) => Number.isFinite(value) && !line.quiet).map(([line, value]) =>
      svg("circle", { class: `at ${line.role}`, cx: x(at), cy: y(value), r: 4 }))];
};

const legendOf = (given) => [
  ...given.lines.filter((line) => !line.ends).map((line) => html("li", {}, html("i", { class: `key ${line.role}` }), line.name)),
  ...(given.bands || []).map((band, at) => html("li", {}, html("i", { class: `key area band${at}` }), band.name)),
];
