"use strict";
// A thin strip of all steps below a timeline that is longer than the page is wide, with the part in sight framed.

const overview = (pane, scroller) => {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const frame = html("div", { class: "frame" });
  const here = html("div", { class: "here" });
  const element = html("div", { class: "overview", hidden: true }, canvas, frame, here);
  let painted = null;

  onWidth(element, () => pane.change("size"));

  const jump = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    scroller.scrollLeft = share * scroller.scrollWidth - scroller.clientWidth / 2;
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    jump(event);
  });
  element.addEventListener("pointermove", (event) => event.buttons && jump(event));

  const paint = (values, width, wide, dark) => {
    const state = [values, wide, dark];
    if (painted && painted.every((each, at) => each === state[at])) return;
    painted = state;
    const context = sharpen(canvas, width, 30);
    const [, high] = extent(values);
    context.fillStyle = colour("c1");
    const heights = peaks(values, Math.floor(wide));
    heights.forEach((value, x) => {
      const tall = Math.max(1, value / (high || 1) * 28);
      context.fillRect(x, 30 - tall, 1, tall);
    });
  };

  // Of `longest` steps: the other side of a translation may be longer.
  const draw = (longest, view) => {
    const cell = pane.chosen;
    const values = cell ? pane.array(cell.change) : null;
    element.hidden = view.total <= view.width + 1 || !values;
    if (element.hidden) return;
    const width = widthOf(element);
    const step = width / longest;
    paint(values, width, step * values.length, isDark());
    const share = width / view.total;
    frame.style.left = `${view.left * share}px`;
    frame.style.width = `${Math.max(view.width * share, 6)}px`;
    here.style.left = `${(pane.step + 0.5) * step}px`;
  };
  return { element, draw };
};

// A canvas as sharp as the screen is, cleared.
const sharpen = (canvas, width, height) => {
  const ratio = devicePixelRatio || 1;
  const [wide, tall] = [Math.max(Math.round(width * ratio), 1), Math.max(Math.round(height * ratio), 1)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
};

// The largest value of each of `count` equal stretches.
const peaks = (values, count) => Array.from({ length: count }, (_, x) => {
  const first = Math.floor(x / count * values.length);
  const last = Math.max(first + 1, Math.floor((x + 1) / count * values.length));
  let high = 0;
  for (let i = first; i < last; i += 1) if (values[i] > high) high = values[i];
  return high;
});
