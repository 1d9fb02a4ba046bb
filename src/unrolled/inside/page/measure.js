"use strict";
// Time: how long drawing takes, kept where a browser keeps such things, and waiting for quiet.

const measured = (name, act, detail) => {
  const start = performance.now();
  act();
  performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now(), detail });
};

// A function that acts once nothing has called it again for a while; a file has nothing to wait for.
const whenQuiet = (wait, act) => {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, source.live ? wait : 0);
  };
};

const widths = new WeakMap();

// Acts when an element has become wider or narrower.
const onWidth = (element, act) => new ResizeObserver(() => {
  if (element.clientWidth === widths.get(element)) return;
  widths.set(element, element.clientWidth);
  act();
}).observe(element);

// As wide as it was last seen: to ask the element itself in the midst of drawing would lay out the page once more.
const widthOf = (element) => widths.get(element) || element.clientWidth || 600;
