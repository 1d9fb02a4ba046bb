"use strict";
// What was expected at each step and how much each token surprised; the tag of each token.

const expectedOutput = (element, pane, find) => {
  const side = () => find().side;
  const tokens = tokensOf(pane, side, say("output.expected"));
  const title = html("h4");
  const shares = html("div");
  const table = numbersTable(pane, () => surpriseTable(pane, find()));
  element.append(html("h3", {}, say("output.expected")), html("p", { class: "note" }, say("output.expected_note")),
    tokens.element, title, shares, table.element);
  return (changed) => {
    const output = find();
    const bits = pane.array(output.surprise);
    if (!bits) return;
    const scale = { kind: "one", low: 0, high: Math.max(extent(bits)[1], 4) };
    tokens.draw((span, step) => {
      tint(span, bits[step], scale);
      span.classList.add("cold");
      span.title = say("output.bits", { bits: number(bits[step], 2) });
    });
    const step = pane.steps[output.side];
    const came = pane.sides[output.side].steps[step];
    title.replaceChildren(say("output.expected_at", { step: step + 1, label: came }), " ",
      html("span", { class: "soft", "data-value": String(bits[step]) },
        Number.isFinite(bits[step]) ? say("output.bits", { bits: number(bits[step], 2) }) : ""));
    shares.replaceChildren(shareBars((output.likely[step] || []).map(([name, share]) => [name, share, "c1"]), came));
    table.draw(changed);
  };
};

const surpriseTable = (pane, output) => {
  const bits = pane.array(output.surprise);
  return bits && {
    columns: [say("step"), say("output.surprise"), say("output.first"), say("output.share")],
    count: bits.length,
    label: (step) => `${step + 1} · ${pane.sides[output.side].steps[step]}`,
    row: (step) => [bits[step], output.likely[step]?.[0]?.[0] ?? "–", output.likely[step]?.[0]?.[1] ?? NaN],
    marks: (step) => ({ "data-step": step }),
  };
};

// B-PER and I-PER share a colour; O has none.
const tagRoles = (names) => {
  const kinds = [...new Set(names.map((name) => name.replace(/^[BIMESLU]-/, "")).filter((name) => name !== "O"))];
  return new Map(names.map((name) => {
    const at = kinds.indexOf(name.replace(/^[BIMESLU]-/, ""));
    return [name, at < 0 ? "untagged" : `c${at % 4 + 1}`];
  }));
};

const tagsOutput = (element, pane, find) => {
  const tokens = tokensOf(pane, () => find().side, say("output.tags"));
  tokens.element.classList.add("tags");
  const title = html("h4");
  const shares = html("div");
  const table = numbersTable(pane, () => tagTable(pane, find()));
  element.append(html("h3", {}, say("output.tags")), tokens.element, title, shares, table.element);
  return (changed) => {
    const output = find();
    const values = pane.array(output.array);
    if (!values) return;
    const roles = tagRoles(output.names);
    tokens.draw((span, step) => {
      const [tag, truth] = [output.tags[step], output.truth?.[step]];
      const wrong = Boolean(truth) && truth !== tag;
      span.className = `token ${roles.get(tag) || "untagged"}`;
      span.classList.toggle("wrong-tag", wrong);
      span.classList.toggle("here", step === pane.steps[output.side]);
      // A span is named where it begins.
      const inner = /^[IMEL]-/.test(tag);
      span.classList.toggle("inner", inner);
      span.dataset.tag = tag === "O" || inner ? "" : tag.replace(/^[BSU]-/, "");
      span.title = wrong ? say("output.truth", { tag, truth }) : tag;
    });
    const step = pane.steps[output.side];
    const count = output.names.length;
    const row = [...values.subarray(step * count, (step + 1) * count)];
    const best = row.map((value, each) => [output.names[each], value, "c1"]).sort((a, b) => b[1] - a[1]).slice(0, 8);
    const truth = output.truth?.[step];
    title.textContent = say("output.tags_at", { step: step + 1, label: pane.sides[output.side].steps[step] })
      + (truth && truth !== output.tags[step] ? ` · ${say("output.truth", { tag: output.tags[step], truth })}` : "");
    shares.replaceChildren(shareBars(best, output.tags[step]));
    table.draw(changed);
  };
};

const tagTable = (pane, output) => {
  const values = pane.array(output.array);
  const count = output.names.length;
  return values && {
    columns: [say("step"), ...output.names],
    count: output.tags.length,
    label: (step) => `${step + 1} · ${pane.sides[output.side].steps[step]} · ${output.tags[step]}`,
    row: (step) => [...values.subarray(step * count, (step + 1) * count)],
    marks: (step) => ({ "data-step": step }),
  };
};
