"use strict";
// The numbers behind a picture: a folded table, made when it is opened, page by page.

const ROWS = 50;
const COLUMNS = 24;

const pager = (text, at, size, count, turn) => (count <= size ? null : html("div", { class: "pager" },
  html("span", {}, say(text, { first: at + 1, last: Math.min(at + size, count), count })),
  button("‹", () => turn(at - size), { disabled: at === 0, "aria-label": say("table.earlier") }),
  button("›", () => turn(at + size), { disabled: at + size >= count, "aria-label": say("table.later") })));

// `find()` gives {columns, count, label(row), row(row), marks(row), cellMarks(column)}, or null while there is
// nothing; `row` is the numbers or texts of a row, the marks what its elements carry for whoever reads them.
const numbersTable = (pane, find) => {
  const body = html("div");
  const element = html("details", { class: "numbers" }, html("summary", {}, say("table.open")), body);
  const at = { row: 0, column: 0 };

  const cell = (value, marks) =>
    dress(typeof value === "number" ? figureOf(value, 4, "td") : html("td", {}, value ?? "–"), marks, []);

  const draw = () => {
    const shown = find();
    if (!shown) {
      body.replaceChildren();
      return;
    }
    const wide = shown.columns.length - 1;
    if (at.row >= shown.count) at.row = 0;
    if (at.column >= wide) at.column = 0;
    const part = (list) => list.slice(at.column, at.column + COLUMNS);
    const rows = Array.from({ length: Math.min(ROWS, shown.count - at.row) }, (_, index) => {
      const row = at.row + index;
      return html("tr", shown.marks ? shown.marks(row) : {},
        html("th", { scope: "row" }, shown.label(row)), part(shown.row(row)).map((value, index_) =>
          cell(value, shown.cellMarks ? shown.cellMarks(at.column + index_) : {})));
    });
    body.replaceChildren(html("div", { class: "scroll", tabindex: 0 }, html("table", {},
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, shown.columns[0]),
        part(shown.columns.slice(1)).map((name) => html("th", { scope: "col" }, name)))),
      html("tbody", {}, rows))), html("div", { class: "pagers" }, ...[
      pager("table.rows", at.row, ROWS, shown.count, (row) => turn({ row })),
      pager("table.columns", at.column, COLUMNS, wide, (column) => turn({ column })),
    ].filter(Boolean)));
  };
  const turn = (to) => {
    Object.assign(at, to);
    draw();
  };
  element.addEventListener("toggle", () => (element.open ? draw() : body.replaceChildren()));

  // Of what has changed, a step or a unit alone leaves the numbers of most pictures as they are.
  return {
    element,
    draw: (changed, follows = []) => {
      if (element.open && !only(changed, ["step", "unit"].filter((name) => !follows.includes(name)))) draw();
    },
  };
};
