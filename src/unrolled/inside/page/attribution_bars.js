"use strict";
// Columns up and down from zero, one a step; orange takes away, blue adds.
const attributionBars = (pane, find) => {
  const height = 120;
  const canvas = html("canvas", { "aria-hidden": "true" });
  const here = html("i", { class: "mark" });
  const element = steppable(html("div", { class: "columns" }, canvas, here), pane, { side: () => find()?.side ?? 0 });
  const drawn = { labels: [], values: [], own: false };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return clamp(Math.floor((event.clientX - box.left) / box.width * drawn.values.length), 0, drawn.values.length - 1);
  };
  element.addEventListener("click", (event) => drawn.own && pane.choose({ side: find().side, step: at(event) }));
  hover(element, (event) => {
    const step = at(event);
    return [drawn.labels[step], [[say("attribution.adds"), signed(drawn.values[step], 4)]]];
  });

  onWidth(element, () => pane.change("size"));

  const draw = (labels, values) => {
    const { steps } = pane.sides[find().side];
    Object.assign(drawn, { labels, values, own: steps.length === labels.length });
    here.hidden = !drawn.own;
    const width = widthOf(element);
    const context = sharpen(canvas, width, height);
    const size = Math.max(...values.map(Math.abs), 1e-12);
    const wide = width / values.length;
    values.forEach((value, step) => {
      const tall = Math.max(Math.abs(value) / size * (height / 2 - 4), 0.5);
      context.fillStyle = colour(value < 0 ? "c2" : "c1");
      const top = value < 0 ? height / 2 : height / 2 - tall;
      context.fillRect(step * wide + wide * 0.12, top, Math.max(wide * 0.76, 0.5), tall);
    });
    context.fillStyle = colour("axis");
    context.fillRect(0, height / 2 - 0.5, width, 1);
    here.style.left = `${pane.steps[find().side] * wide}px`;
    here.style.width = `${Math.max(wide, 2)}px`;
    markStep(element, pane, say("attribution.title"));
  };
  return { element, draw };
};
