"use strict";
// Read-outs: the values under the pointer, or under the cursor moved with the arrow keys, read back from the paths.
(() => {
  const GRID = 10000;
  const NS = "http://www.w3.org/2000/svg";

  const make = (name, attributes, text) => {
    const element = document.createElementNS(NS, name);
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
    if (text) element.textContent = text;
    return element;
  };

  const axis = (text) => {
    const [kind, ...ends] = text.split(" ");
    const [low, high, apart] = ends.map(Number);
    return { kind, low, high, apart };
  };

  // A moment, as exact as the distance between two of them asks for; rounded on the grid of the first one.
  const moment = (scale, at) => {
    const unit = [86400, 3600, 60].find((seconds) => scale.apart >= seconds) || 1;
    const time = scale.low + Math.round((at - scale.low) / unit) * unit;
    const text = new Date(time * 1000).toISOString().replace("T", " ");
    return text.slice(0, unit === 86400 ? 10 : unit === 1 ? 19 : 16);
  };

  // Grid steps make a value known to 1 in GRID of its axis; more than these digits would be invented.
  const reading = (scale, fraction) => {
    const at = scale.low * (1 - fraction) + scale.high * fraction;
    if (scale.kind === "time") return moment(scale, at);
    if (scale.kind === "whole") return round(Math.round(at), 15);
    if (scale.kind === "log") return round(10 ** at, 3);
    const width = Math.abs(scale.high - scale.low);
    const digits = Math.ceil(Math.log10(Math.max(Math.abs(at), width / 1000) / width)) + 3;
    return round(at, Math.min(Math.max(digits, 1), 15));
  };

  const round = (value, digits) => {
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e6 || size <= 1e-4)) return value.toExponential(Math.min(digits - 1, 3));
    return Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits });
  };

  // The paths are "Mx y" followed by "l" and relative whole numbers, once for every unbroken stretch.
  const outlines = (path) => path.getAttribute("d").split("M").slice(1).map((stretch) => {
    const numbers = stretch.split("h")[0].match(/-?\d+/g).map(Number);
    const found = [];
    let x = 0;
    let y = 0;
    for (let i = 0; i < numbers.length; i += 2) {
      x += numbers[i];
      y += numbers[i + 1];
      found.push([x, y]);
    }
    return found;
  });

  // The entry of a sorted list that is nearest to x.
  const nearest = (list, x, key) => {
    let low = 0;
    let high = list.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (key(list[middle]) > x) high = middle;
      else low = middle;
    }
    return x - key(list[low]) <= key(list[high]) - x ? list[low] : list[high];
  };

  // The outline of a band runs along its upper edge and back along the lower one.
  const edges = (path) => {
    const found = new Map();
    for (const outline of outlines(path)) {
      for (let i = 0; i < outline.length / 2; i += 1) {
        const [x, high] = outline[i];
        found.set(x, [outline[outline.length - 1 - i][1], high]);
      }
    }
    return found;
  };

  const prepare = (svg) => {
    const title = svg.querySelector("title");
    if (title) title.remove(); // the label stays; the browser's own tip would cover the read-out
    const lines = [...svg.querySelectorAll("path.line:not(.faint)")].map((path) => ({
      name: path.dataset.name,
      role: path.getAttribute("class").replace("line ", ""),
      points: outlines(path).flat(),
    }));
    const bands = [...svg.querySelectorAll("path.area")].reverse().map((path) => ({
      name: path.dataset.name,
      role: path.getAttribute("class").replace("area ", ""),
      ends: edges(path),
    }));
    const places = [...new Set(lines.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
    const group = svg.appendChild(make("g", {}));
    const box = svg.parentNode.appendChild(document.createElement("div"));
    box.className = "reading";
    box.setAttribute("role", "status");
    box.hidden = true;
    return { x: axis(svg.dataset.x), y: axis(svg.dataset.y), lines, bands, places, group, box, at: -1 };
  };

  const hide = (chart) => {
    chart.group.replaceChildren();
    chart.box.hidden = true;
  };

  const row = (kind, drawn, text) => {
    const whole = document.createElement("span");
    const key = Object.assign(document.createElement("i"), { className: `key ${kind} ${drawn.role}` });
    const value = Object.assign(document.createElement("em"), { textContent: text });
    whole.append(key, drawn.name, value);
    return whole;
  };

  const show = (svg, chart, x) => {
    const across = `${x / GRID * 100}%`;
    const marks = [make("line", { class: "cursor", x1: across, x2: across, y1: "0", y2: "100%" })];
    const rows = [Object.assign(document.createElement("b"), { textContent: reading(chart.x, x / GRID) })];
    const close = GRID / Math.max(svg.clientWidth, 1) * 6;
    for (const line of chart.lines) {
      const point = nearest(line.points, x, (each) => each[0]);
      if (Math.abs(point[0] - x) > close) continue;
      marks.push(make("circle", { class: `at ${line.role}`, r: 4.5, cx: `${point[0] / GRID * 100}%`, cy: `${point[1] / GRID * 100}%` }));
      rows.push(row("line", line, reading(chart.y, 1 - point[1] / GRID)));
    }
    for (const band of chart.bands) {
      const ends = band.ends.get(x);
      if (ends) rows.push(row("area", band, ends.map((y) => reading(chart.y, 1 - y / GRID)).join(" … ")));
    }
    chart.group.replaceChildren(...marks);
    chart.box.replaceChildren(...rows);
    chart.box.hidden = false;
    const plot = svg.parentNode.getBoundingClientRect();
    const start = svg.getBoundingClientRect().left - plot.left + x / GRID * svg.clientWidth;
    const right = start + 14 + chart.box.offsetWidth;
    chart.box.style.left = `${Math.max(0, right > plot.width ? start - 14 - chart.box.offsetWidth : start + 14)}px`;
    chart.box.style.top = "8px";
  };

  for (const svg of document.querySelectorAll("svg[data-x]")) {
    let chart = null;
    const ready = () => (chart = chart || prepare(svg));
    const move = (event) => {
      ready();
      if (chart.places.length === 0) return;
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * GRID;
      const place = nearest(chart.places, x, (each) => each);
      chart.at = chart.places.indexOf(place);
      show(svg, chart, place);
    };
    svg.parentNode.addEventListener("pointermove", move);
    svg.parentNode.addEventListener("pointerdown", move);
    svg.parentNode.addEventListener("pointerleave", () => chart && hide(chart));
    svg.addEventListener("blur", () => chart && hide(chart));
    svg.addEventListener("keydown", (event) => {
      const stride = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
      if (event.key === "Escape" && chart) hide(chart);
      if (stride === undefined) return;
      event.preventDefault();
      ready();
      if (chart.places.length === 0) return;
      chart.at = Math.min(Math.max(chart.at + stride, 0), chart.places.length - 1);
      show(svg, chart, chart.places[chart.at]);
    });
  }
})();
