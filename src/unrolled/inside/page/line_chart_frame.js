"use strict";
// What stands around the lines of a chart: its limits, grid, ticks, names and the cursor.

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

const limits = (shown) => {
  const all = [...shown.lines.map((line) => line.values),
    ...(shown.bands || []).flatMap((band) => [band.low, band.high])];
  const ends = all.filter((values) => values.length).map((values) => extent(values));
  let low = shown.low ?? Math.min(...ends.map((end) => end[0]));
  let high = shown.high ?? Math.max(...ends.map((end) => end[1]));
  if (!(low < high)) [low, high] = [low - 0.5, high + 0.5];
  const spare = (high - low) * 0.04;
  return [shown.low ?? low - spare, shown.high ?? high + spare];
};

const frameOf = ({ given, low, high, x, y, width, height, right }) => {
  const ticks = given.log ? logTicks(low, high) : niceTicks(low, high, 4);
  const digits = clamp(Math.ceil(1 - Math.log10((high - low) / 4)), 0, 6);
  const text = (value) => (given.log ? powerOfTen(value) : number(value, digits));
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

const BETWEEN_NAMES = 13;

// The names of lines that are named where they end, kept apart and above the axis.
const endNames = (lines, x, y, lowest) => {
  const ends = lines.filter((line) => line.ends).map((line) => {
    const last = line.values.findLastIndex((value) => Number.isFinite(value));
    return { line, last, y: last < 0 ? NaN : y(line.values[last]) + 4 };
  }).filter(({ last }) => last >= 0).sort((a, b) => a.y - b.y);
  ends.reduce((least, end) => {
    end.y = Math.max(end.y, least);
    return end.y + BETWEEN_NAMES;
  }, -Infinity);
  ends.reduceRight((most, end) => {
    end.y = Math.min(end.y, most);
    return end.y - BETWEEN_NAMES;
  }, lowest);
  return ends.map((end) => svg("text", { class: "end", x: x(end.last) + 8, y: end.y }, end.line.name));
};

const powerOfTen = (power) => ({ 0: "1", "-1": "0.1", "-2": "0.01" }[power] || `1e${number(power, 0)}`);

const cursorOf = (pane, given, side, step, { x, y, height, shown }) => {
  const at = given.marker === undefined && step ? pane.steps[side()] : given.marker;
  if (at === undefined || at === null || at < 0) return [];
  const spots = shown.lines.map((line) => [line, valueAt(line, at)]);
  return [svg("line", { class: "cursor", x1: x(at), x2: x(at), y1: 4, y2: height - BOTTOM }),
    ...spots.filter(([, value]) => Number.isFinite(value)).map(([line, value]) =>
      svg("circle", { class: `at ${line.role}`, cx: x(at), cy: y(value), r: 4 }))];
};

const legendOf = (given) => [
  ...given.lines.filter((line) => !line.ends).map((line) =>
    html("li", {}, html("i", { class: `key ${line.role}` }), line.name)),
  ...(given.bands || []).map((band, at) => html("li", {}, html("i", { class: `key area band${at}` }), band.name)),
];
