"use strict";
// What came out, step by step: one block for every output, drawn by its kind.

const outputsPart = (card, pane) => {
  const makers = {
    probabilities: probabilitiesOutput, expected: expectedOutput, tags: tagsOutput,
    attended: attendedOutput, forecast: forecastOutput, written: writtenOutput,
  };
  let blocks = [];
  const nothing = html("p", { class: "note" }, say("outputs.none"));
  const body = html("div", { class: "outputs" });
  card.append(body);
  let kinds = "";

  // Blocks stay while the kinds do, so that what is folded open stays open while a text is edited.
  const rebuild = () => {
    const shown = pane.document.outputs.filter((output) => makers[output.kind]);
    const wanted = shown.map((output) => `${output.kind} ${output.side} ${output.rows}`).join();
    if (wanted !== kinds || !shown.length) {
      kinds = wanted;
      blocks = shown.map((output, at) => {
        const element = html("div", { class: "output", "data-kind": output.kind });
        const find = () => pane.document.outputs.filter((each) => makers[each.kind])[at];
        return { element, draw: makers[output.kind](element, pane, find) };
      });
      body.replaceChildren(...(blocks.length ? blocks.map((block) => block.element) : [nothing]));
    }
  };
  return (changed) => {
    if (changed.has("document")) rebuild();
    if (only(changed, ["unit", "cell", "heat"])) return;
    blocks.forEach((block) => block.draw(changed));
  };
};

// Shares as bars, the largest first.
const shareBars = (entries, marked_) => html("div", { class: "shares" }, entries.map(([name, share, role]) => {
  const bar = html("i", { class: `mean ${role}`, style: { left: "0", width: `${share * 100}%` } });
  return html("div", { class: `share${name === marked_ ? " marked" : ""}` },
    html("span", { class: "share-name", title: name }, name),
    html("div", { class: "bar", "aria-hidden": "true" }, bar),
    html("span", { class: "number", "data-value": String(share) }, share.toFixed(3)));
}));

const writtenOutput = (element, pane, find) => {
  const text = html("blockquote", { class: "written-text" });
  element.append(html("h3", {}, say("output.written")), text);
  return () => { text.textContent = find().text; };
};
