"use strict";
// Try it: what was given, in a form that can be changed; everything follows.

const tryitPart = (card, pane) => {
  const trouble = html("p", { class: "trouble", role: "alert" });
  const notes = html("p", { class: "note" });
  const edit = editor(pane, (text) => { trouble.textContent = text; });
  pane.report = (text) => { trouble.textContent = text; };
  const fields = Object.entries(pane.document.input).map(([key, value]) => fieldOf(key, value, edit));
  const answer = html("p", { class: "answer", "aria-live": "polite" });
  card.append(html("div", { class: "fields" }, fields), trouble, answer, notes);
  card.append(html("p", { class: "note offline" }, marked(say(source.live ? "tryit.live" : "tryit.offline"))));
  return (changed) => {
    if (changed.has("document")) notes.textContent = pane.document.notes.map(noteOf).join(" ");
    if (changed.has("document") || changed.has("numbers")) answer.replaceChildren(...answerIn(pane));
  };
};

// A note in the reader's language where there are words for it.
const noteOf = (note) => (known(`note.${note.key}`) ? say(`note.${note.key}`, note.gaps) : note.text);

// What the model made of it in the end, where that can be said in a line.
const answerIn = (pane) => {
  const written = pane.document.outputs.find((each) => each.kind === "written");
  if (written) return [say("tryit.answer"), " ", html("b", {}, written.text)];
  const output = pane.document.outputs.find((each) => each.kind === "probabilities");
  const values = output && pane.array(output.array);
  if (!values) return [];
  const share = values[values.length - output.names.length + output.answer];
  return [say("tryit.answer"), " ", html("b", {}, output.names[output.answer]), " ", figureOf(share)];
};

// Sends what was typed as soon as the answer before has been drawn; of several changes meanwhile only the last.
const editor = (pane, report) => {
  let input = { ...pane.document.input };
  let waiting = false;
  let under_way = false;

  const send = async () => {
    under_way = true;
    while (waiting) {
      waiting = false;
      try {
        await pane.show(await source.edit(pane.number, input));
        report("");
      } catch (error) {
        report(error.message);
      }
    }
    under_way = false;
  };
  return (key, value) => {
    input = { ...input, [key]: value };
    waiting = true;
    if (!under_way) send();
  };
};

const fieldOf = (key, value, edit) => {
  const title = sayOr(`input.${key}`, key);
  if (typeof value === "string" && !source.live) return given(title, key, value);
  if (typeof value === "string") return textField(title, key, value, (text) => edit(key, text));
  if (!Array.isArray(value) || !value.length) return null;
  if (typeof value[0] !== "string") return pointsField(title, value, (values) => edit(key, values));
  if (!source.live) return given(title, key, value.join(" "));
  return textField(title, key, value.join(" "), (text) => edit(key, text.split(/\s+/).filter(Boolean)));
};

const textField = (title, key, value, edit) => {
  const long = value.length > 40 || key === "text";
  const box = html(long ? "textarea" : "input", {
    "data-field": key, rows: long ? clamp(Math.ceil(value.length / 90) + 1, 2, 6) : null, spellcheck: "false",
    input: (event) => edit(event.target.value),
  });
  box.value = value;
  return html("label", { class: "field" }, html("span", {}, title), box);
};

const given = (title, key, value) => html("div", { class: "field" }, html("span", {}, title),
  html("p", { class: "given", "data-field": key, tabindex: value.length > 2000 ? 0 : null }, value));
