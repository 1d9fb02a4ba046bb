"use strict";
// How far it remembers: the gradient against the distance, beside cells that are fresh.

const reachPart = (card, pane) => {
  const chart = lineChart(pane, { side: () => 0, height: 240, label: say("reach.title"), step: false });
  const verdicts = html("ul", { class: "verdict" });
  const advice = html("ul", { class: "verdict" });
  const note = html("p", { class: "note" });
  const table = numbersTable(pane, () => now.found && reachTable(now.found));
  card.append(chart.element, note, verdicts, advice, table.element);
  const now = { document: null, found: null };

  const ask = async () => {
    const shown = pane.document;
    try {
      const found = await patiently(pane, () => source.reach(pane.number, shown));
      if (found === undefined) return;
      now.found = found;
      pane.change("reach");
    } catch (error) {
      if (pane.document === shown) note.textContent = error.message;
    }
  };
  const later = whenQuiet(600, ask);
  return (changed) => {
    if (now.document !== pane.document) {
      now.document = pane.document;
      later();
    }
    const { found } = now;
    [chart.element, verdicts, advice, table.element].forEach((each) => { each.hidden = !found; });
    if (!found) {
      note.textContent = say("reach.none");
      return;
    }
    if (!["reach", "size", "document"].some((each) => changed.has(each))) return;
    note.textContent = say("reach.axes");
    chart.draw(reachLines(found));
    verdicts.replaceChildren(...found.cells.map((cell) => html("li", {
      class: { healthy: "good", unknown: "" }[cell.verdict] ?? "bad", "data-verdict": cell.verdict,
    }, cell.say[words.language])));
    advice.replaceChildren(...found.advice[words.language].map((line) => html("li", {}, line)));
    table.draw(changed);
  };
};

const reachLines = (found) => {
  const everyone = [...found.cells, ...found.beside].filter((each) => each.norms);
  const longest = Math.max(...everyone.map((each) => each.norms.length), 1);
  const line = (each, role) => ({ name: each.name, values: asNumbers(each.norms || []), role });
  const all = everyone.flatMap((each) => asNumbers(each.norms)).filter((value) => value > 0);
  return {
    labels: Array.from({ length: longest }, (_, at) => String(at)),
    log: true,
    low: Math.max(Math.log10(Math.min(...all, 1)), -8) - 0.2,
    lines: [...found.beside.map((each, at) => ({
      ...line(each, `beside beside${at}`), name: say("reach.fresh", { name: each.name }), ends: true })),
      ...found.cells.map((each, at) => line(each, `c${at % 4 + 1}${at > 3 ? " dashed" : ""}`))],
  };
};

const reachTable = (found) => {
  const all = [...found.cells, ...found.beside].filter((each) => each.norms);
  return {
    columns: [say("reach.distance"), ...all.map((each) => each.name)],
    count: Math.max(...all.map((each) => each.norms.length)),
    label: (at) => String(at),
    row: (at) => all.map((each) => each.norms[at] ?? NaN),
  };
};
