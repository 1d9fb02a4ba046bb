"use strict";
// Try it: what was given, in a form that can be changed; everything follows.

const DEBOUNCE = 60;

const tryitPart = (card, pane) => {
  const body = html("div", { class: "fields" });
  const trouble = html("p", { class: "trouble", role: "alert" });
  const notes = html("p", { class: "note" });
  card.append(body, trouble, notes);
  let timer = 0;
  let latest = 0;

  const send = async (input) => {
    latest += 1;
    const mine = latest;
    try {
      const shown = await source.edit(pane.number, input);
      if (mine !== latest) return;
      await pane.show(shown);
      trouble.textContent = "";
    } catch (error) {
      if (mine === latest) trouble.textContent = error.message;
    }
  };
  const edit = (key, value) => {
    input = { ...input, [key]: value };
    clearTimeout(timer);
    timer = setTimeout(() => send(input), DEBOUNCE);
  };
  let input = { ...pane.document.input };
  pane.report = (text) => { trouble.textContent = text; };
  body.replaceChildren(...Object.entries(input).map(([key, value]) => fieldOf(key, value, edit)).filter(Boolean));
  if (!source.live) body.append(html("p", { class: "note offline" }, say("tryit.offline")));

  return (changed) => {
    if (changed.has("document")) notes.textContent = pane.document.notes.join(" ");
  };
};

const fieldOf = (key, value, edit) => {
  const title = sayOr(`input.${key}`, key);
  if (typeof value === "string") return textField(title, key, value, (text) => edit(key, text));
  if (!Array.isArray(value) || !value.length) return null;
  if (typeof value[0] === "string") return textField(title, key, value.join(" "), (text) => edit(key, text.split(/\s+/).filter(Boolean)));
  return pointsField(title, value, (values) => edit(key, values));
};

const textField = (title, key, value, edit) => {
  const long = value.length > 40 || key === "text";
  const box = html(long ? "textarea" : "input", {
    "data-field": key, rows: long ? Math.min(6, Math.ceil(value.length / 90) + 1) : null, spellcheck: "false",
    readonly: !source.live, input: (event) => edit(event.target.value),
  });
  box.value = value;
  return html("label", { class: "field" }, html("span", {}, title), box);
};
