"use strict";
// Elements from a name, attributes and children. Text becomes text nodes, never markup.

const dress = (element, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") Object.entries(value).forEach(([name, each]) => element.style.setProperty(name, each));
    else if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
};

const html = (name, attributes = {}, ...children) => dress(document.createElement(name), attributes, children);

const svg = (name, attributes = {}, ...children) =>
  dress(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// A number that is shown short and carries itself in full.
const figureOf = (value, digits = 3, name = "span") => {
  const full = Number.isFinite(value) ? String(value) : null;
  return html(name, { "data-value": full, class: "number" }, number(value, digits));
};

const button = (text, click, attributes = {}) => html("button", { type: "button", click, ...attributes }, text);

const selectOf = (label, choices, chosen, change) => {
  const options = choices.map(([value, text]) => html("option", { value, selected: value === chosen }, text));
  return html("label", { class: "select" }, html("span", {}, label),
    html("select", { change: (event) => change(event.target.value) }, options));
};

// A row of buttons of which one is pressed.
const segments = (label, choices, chosen, change) => {
  const buttons = choices.map(([value, text]) => button(text, () => change(value), {
    "aria-pressed": String(value === chosen), "data-field": value,
  }));
  return html("div", { class: "segments", role: "group", "aria-label": label }, buttons);
};
