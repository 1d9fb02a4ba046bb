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

// Acts when an element has become wider or narrower.
const onWidth = (element, act) => {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    act();
  }).observe(element);
};
