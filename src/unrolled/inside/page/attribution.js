"use strict";
// Where it looked: how much each step added to the answer, by several methods.

const attributionPart = (card, pane) => {
  const now = (pane.kept.attribution ||= { of: null, method: null, found: null, document: null, stale: false });
  const head = html("div", { class: "controls" });
  const title = html("h3");
  const bars = attributionBars(pane, () => now.found);
  const tokens = tokensOf(pane, () => now.found?.side ?? 0, say("attribution.title"));
  const said = html("p", { class: "note sums" });
  const table = numbersTable(pane, () => attributionTable(now.found));
  card.append(head, title, tokens.element, bars.element, said, table.element);

  const ask = async () => {
    const shown = pane.document;
    const { of } = now;
    if (of === null) return;
    try {
      const found = await patiently(pane, () => source.attribution(pane.number, shown, of));
      if (!found) return;
      shown.attribution[of] = found;
      if (now.of === of) set(found);
    } catch (error) {
      if (now.of === of && pane.document === shown) said.textContent = error.message;
    }
  };
  const set = (found) => {
    Object.assign(now, { found, stale: false });
    pane.change("attribution");
  };
  const later = whenQuiet(300, ask);

  const questions = () => (source.live ? pane.document.questions
    : pane.document.questions.filter((of) => pane.document.attribution[of]));

  const adopt = () => {
    now.document = pane.document;
    const asked_ = questions();
    take(asked_.includes(now.of) ? now.of : asked_[0] ?? null);
  };

  const take = (of) => {
    now.of = of;
    const there = pane.document.attribution[now.of] || null;
    if (there || now.of === null) Object.assign(now, { found: there, stale: false });
    else {
      now.stale = true;
      later();
    }
  };

  const controls = () => head.replaceChildren(...(now.of === null ? [] : [
    selectOf(say("attribution.of"), questions().map((of) => [of, saidOf(of)]), now.of, (of) => {
      now.of = of;
      ask();
    }),
    now.found ? segments(say("attribution.method"), methodsOf(now.found), methodOf(now).name, (name) => {
      now.method = name;
      pane.change("attribution");
    }) : null,
  ].filter(Boolean)));

  // Where every step has a question of its own, the chosen step's is asked.
  const follow = () => {
    const own = questions().find((of) => of.startsWith(`step ${pane.step + 1}: `));
    if (own && own !== now.of && pane.side === pane.sides.length - 1) take(own);
  };

  return (changed) => {
    if (now.document !== pane.document) adopt();
    else if (changed.has("step")) follow();
    if (only(changed, ["unit", "cell", "heat"])) return;
    if (["attribution", "document", "step"].some((each) => changed.has(each))) controls();
    const found = fits(pane, now.found) ? now.found : null;
    card.classList.toggle("stale", Boolean(found) && now.stale);
    [tokens.element, bars.element, table.element, title].forEach((each) => { each.hidden = !found; });
    if (!found) {
      said.textContent = say(now.of === null ? "attribution.none" : "attribution.waiting");
      return;
    }
    const { values } = methodOf(now);
    const scale = { kind: "both", high: Math.max(...values.map(Math.abs), 1e-12) };
    title.textContent = say("attribution.towards", { of: saidOf(found.of) });
    const own = found.labels.length === pane.sides[found.side].steps.length;
    tokens.element.hidden = !own || !isText(found.labels);
    if (!tokens.element.hidden) {
      tokens.draw((span, step) => {
        tint(span, values[step], scale);
        span.title = signed(values[step], 4);
      });
    }
    bars.draw(found.labels, values);
    said.replaceChildren(...sums(found, methodOf(now)));
    table.draw(changed);
  };
};

// "step 3: B-PER", "mean of the forecast", or the name of a class.
const saidOf = (of) => {
  const step = /^step (\d+): ([^]*)$/.exec(of);
  return step ? say("question.step", { step: step[1], what: step[2] }) : sayOr(`question.${of}`, of);
};

// While a new text is being asked about, what stands is of the old one.
const fits = (pane, found) => found && pane.sides[found.side];

const methodsOf = (found) => found.methods.map(({ name }) => [name, sayOr(`method.${name}`, name)]);

const methodOf = (now) => now.found.methods.find((each) => each.name === now.method) || now.found.methods[0];

const sums = (found, method) => {
  const unit = found.unit ? ` ${sayOr(`unit.${found.unit}`, found.unit)}` : "";
  const total = method.values.reduce((sum, value) => sum + value, 0);
  const moved = say("attribution.moved", {
    input: number(found.total.input) + unit, blank: number(found.total.blank) + unit,
    difference: signed(found.total.input - found.total.blank) });
  if (method.error === undefined) return [moved, " ", say("attribution.each", { sum: signed(total) })];
  return [say("attribution.sum", { sum: signed(method.sum) + unit }), " ", moved, " ",
    html("b", { "data-value": String(method.error), class: "completeness" },
      say("attribution.error", { error: `${(method.error * 100).toFixed(2)} %` }))];
};

const attributionTable = (found) => found && {
  columns: [say("step"), ...found.methods.map(({ name }) => sayOr(`method.${name}`, name))],
  count: found.labels.length,
  label: (step) => `${step + 1} · ${found.labels[step]}`,
  row: (step) => found.methods.map((method) => method.values[step]),
  marks: (step) => ({ "data-step": step }),
};
