"use strict";
// A text whose steps carry a colour; of a long one, the stretch around the chosen step.

const STRETCH = 400;

const tokensOf = (pane, side, label) => {
  const element = steppable(html("div", { class: "tokens", "aria-label": label }), pane, { side });
  const drawn = { labels: null, first: 0, spans: [] };

  element.addEventListener("click", (event) => {
    const span = event.target.closest("[data-step]");
    if (span) pane.choose({ side: side(), step: Number(span.dataset.step) });
  });

  const fill = (labels, first) => {
    const last = Math.min(first + STRETCH, labels.length);
    drawn.labels = labels;
    drawn.first = first;
    drawn.spans = labels.slice(first, last).map((label_, at) =>
      html("span", { class: "token", "data-step": first + at }, label_ || "␣"));
    element.replaceChildren(...(first > 0 ? ["… "] : []), ...drawn.spans, ...(last < labels.length ? [" …"] : []));
  };

  // `paint(span, step)` colours one token and says what its tip says.
  const draw = (paint) => {
    const { steps } = pane.sides[side()];
    const at = pane.steps[side()];
    const inside = drawn.labels === steps && at >= drawn.first && at < drawn.first + STRETCH;
    if (!inside) fill(steps, clamp(at - STRETCH / 2, 0, Math.max(0, steps.length - STRETCH)));
    drawn.spans.forEach((span, index) => {
      span.classList.toggle("here", drawn.first + index === at);
      paint(span, drawn.first + index);
    });
    markStep(element, pane, label);
  };
  return { element, draw };
};

// Dates and numbers of steps are no text to read; words and letters are.
const isText = (labels) => !labels.slice(0, 20).every((label) => /^[\d\s:.,/+TZ-]*$/.test(label));
