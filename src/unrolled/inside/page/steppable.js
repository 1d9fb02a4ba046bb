"use strict";
// A picture whose steps are walked through with the keys, as a slider is.

const strides = (length) => ({
  ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -length, End: length,
});

// `across(by)` is what the keys up and down do, where they do something.
const steppable = (element, pane, { side = null, across = null } = {}) => {
  element.tabIndex = 0;
  element.setAttribute("role", "slider");
  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = side === null ? pane.side : side();
    const stride = strides(pane.sides[at].steps.length)[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (stride !== undefined) pane.choose({ side: at, step: pane.steps[at] + stride });
    else if (up !== undefined && across) across(up);
    else return;
    event.preventDefault();
  });
  return element;
};

const sayStep = (pane) => say("step.of", {
  step: pane.step + 1, count: pane.labels.length, label: pane.labels[pane.step] ?? "",
});

const markStep = (element, pane, label) => {
  element.setAttribute("aria-label", label);
  element.setAttribute("aria-valuemin", 1);
  element.setAttribute("aria-valuemax", pane.labels.length);
  element.setAttribute("aria-valuenow", pane.step + 1);
  element.setAttribute("aria-valuetext", sayStep(pane));
};
