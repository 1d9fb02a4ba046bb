"use strict";
// The page: its parts, in one card for every pane.

const parts = () => [
  ["tryit", tryitPart], ["timeline", timelinePart], ["cell", cellPart], ["outputs", outputsPart],
  ["attribution", attributionPart], ["heat", heatPart], ["unit", unitPart], ["reach", reachPart],
  ["nearest", nearestPart],
];

const panes = [];

const cardOf = (name, make, pane) => {
  const title = panes.length > 1 ? [html("h3", { class: "pane-name" }, paneName(pane))] : [];
  const card = html("article", { class: "chart", "data-part": name, "data-pane": pane.number }, ...title);
  pane.observe(make(card, pane));
  pane.observe(() => Object.assign(card.dataset, {
    side: pane.side, step: pane.step, unit: pane.unit, cell: pane.chosen ? pane.chosen.path : "",
  }));
  return card;
};

const letterOf = (pane) => "AB"[pane.number];

const paneName = (pane) => `${letterOf(pane)} · ${pane.document.title}`;

const section = ([name, make]) => html("section", { class: "part", id: name },
  html("h2", {}, say(`${name}.title`)), html("p", { class: "lead" }, say(`${name}.lead`)),
  html("div", { class: "panes" }, panes.map((pane) => cardOf(name, make, pane))));

const contents = () => html("nav", { "aria-label": say("page.contents") }, html("ol", {}, parts().map(([name]) =>
  html("li", {}, html("a", { href: `#${name}` }, say(`${name}.title`))))));

// The facts of each model, once where they are the same.
const facts = () => {
  const kinds = new Map(panes.map((pane) => [JSON.stringify(pane.document.model.facts), pane]));
  return [...kinds.values()].map((pane) => html("p", { class: "facts-line" },
    kinds.size > 1 ? html("b", { class: "letter" }, letterOf(pane)) : null,
    pane.document.model.facts.map(([name, value]) =>
      html("span", {}, `${sayOr(`fact.${name}`, name)} `, html("b", {}, sayOr(`value.${value}`, value))))));
};

const switches = () => html("div", { class: "switches" },
  segments(say("page.language"), [["en", "English"], ["zh", "中文"]], words.language, (language) => {
    remembered("language", language);
    chooseLanguage(language);
    build();
  }),
  segments(say("page.theme"), ["system", "light", "dark"].map((each) => [each, say(`theme.${each}`)]),
    theme.chosen || "system", (chosen) => {
      remembered("theme", chosen);
      chooseTheme(chosen === "system" ? null : chosen);
      build();
    }));

const build = () => {
  const at = scrollY;
  document.title = `${panes[0].document.title} · unrolled`;
  document.querySelector("header").replaceChildren(
    html("div", { class: "top" }, html("p", { class: "brand" }, "unrolled"), switches()),
    html("h1", {}, [...new Set(panes.map((pane) => pane.document.title))].join(" · ")), ...facts(), contents());
  panes.forEach((pane) => pane.forget());
  const choice = document.querySelector(".choice");
  choice.setAttribute("aria-label", say("choice.title"));
  choice.replaceChildren(...choiceBar(panes));
  document.querySelector("main").replaceChildren(...parts().map(section));
  document.querySelectorAll("[data-word]").forEach((each) => { each.textContent = say(each.dataset.word); });
  document.body.classList.toggle("two", panes.length > 1);
  panes.forEach((pane) => pane.change("document", "side", "cell", "step", "unit"));
  scrollTo(0, at);
};

// Where two panes walk together, a step of one is a step of the other.
const link = (pane) => {
  if (panes.linked) panes.filter((each) => each !== pane).forEach((each) => each.choose(
    { side: Math.min(pane.side, each.sides.length - 1), step: pane.step }, false));
};

const start = async () => {
  chooseLanguage(usualLanguage());
  const chosen = asked("theme") || remembered("theme");
  chooseTheme(chosen === "dark" || chosen === "light" ? chosen : null);
  panes.linked = true;
  const count = Number(content("panes")) || 1;
  const made = Array.from({ length: count }, (_, at) => makePane(at));
  try {
    await Promise.all(made.map(async (pane) => pane.show(await source.document(pane.number))));
  } catch (error) {
    document.querySelector("main").replaceChildren(html("p", { class: "trouble", role: "alert" }, error.message));
    return;
  }
  panes.push(...made);
  panes.forEach((pane) => pane.followers.push(link));
  matchMedia(DARK).addEventListener("change", () => {
    forgetColours();
    build();
  });
  build();
};

document.addEventListener("DOMContentLoaded", start);
