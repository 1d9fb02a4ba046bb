"use strict";
// What one pane shows: its document, its numbers as they arrive, and what is chosen in it.

const makePane = (number) => {
  const drawers = [];
  const changed = new Set();
  let numbers = new Map();
  let under_way = false;

  const draw = () => {
    under_way = false;
    const what = new Set(changed);
    changed.clear();
    measured(`draw ${number}`, () => drawers.forEach((drawer) => drawer(what)), [...what]);
  };

  const pane = {
    number,
    document: null,
    side: null,
    cell: 0,
    unit: null,
    steps: [],
    followers: [],
    kept: {},

    get sides() { return pane.document.sides; },
    get step() { return pane.steps[pane.side]; },
    get labels() { return pane.sides[pane.side].steps; },
    get chosen() { return pane.sides[pane.side].cells[pane.cell] || null; },

    // Draws all that depends on what has changed, once, in the next frame.
    change(...what) {
      what.forEach((each) => changed.add(each));
      if (!under_way) requestAnimationFrame(draw);
      under_way = true;
    },

    observe(drawer) { drawers.push(drawer); },
    forget() { drawers.length = 0; },

    // Numbers of an array, or null until they have come; then everything is drawn again.
    array(id) {
      if (id === null || id === undefined) return null;
      const there = numbers.get(id);
      if (there instanceof Float32Array) return there;
      if (!there) pane.load(pane.document, [id], numbers).then(() => pane.change("numbers"), pane.fail);
      return null;
    },

    async load(shown, ids, into) {
      ids.forEach((id) => into.set(id, "coming"));
      const arrays = await source.arrays(number, shown, ids);
      ids.forEach((id, at) => into.set(id, arrays[at]));
    },

    // A new document takes the place of the old when the numbers that are on the page have come, so nothing blinks.
    async show(shown) {
      const coming = new Map();
      await pane.load(shown, neededOf(shown, pane), coming);
      numbers = coming;
      pane.document = shown;
      pane.side = sideOf(shown, pane);
      pane.steps = shown.sides.map((side, at) =>
        clamp(pane.steps[at] ?? liveliest(side, coming), 0, Math.max(side.steps.length - 1, 0)));
      pane.cell = clamp(pane.cell, 0, Math.max(pane.sides[pane.side].cells.length - 1, 0));
      // At first the unit that goes with the output most.
      pane.unit = pane.chosen ? clamp(pane.unit ?? pane.chosen.orders?.output?.[0] ?? 0, 0, pane.chosen.units - 1) : 0;
      pane.change("document", "side", "cell", "step", "unit");
    },

    choose(wanted, follow = true) {
      const { side = pane.side } = wanted;
      const { cells, steps } = pane.sides[side];
      const cell = clamp(wanted.cell ?? (side === pane.side ? pane.cell : 0), 0, Math.max(cells.length - 1, 0));
      const step = clamp(wanted.step ?? pane.steps[side], 0, Math.max(steps.length - 1, 0));
      const unit = cells[cell] ? clamp(wanted.unit ?? pane.unit, 0, cells[cell].units - 1) : 0;
      const before = [pane.side, pane.cell, pane.step, pane.unit];
      pane.steps[side] = step;
      Object.assign(pane, { side, cell, unit });
      const names = ["side", "cell", "step", "unit"];
      const moved = names.filter((name, at) => before[at] !== pane[name]);
      if (moved.length) pane.change(...moved);
      if (follow) pane.followers.forEach((each) => each(pane));
    },

    fail(error) { pane.report(error.message); },
    report() {},
  };
  return pane;
};

// The chosen side where there still is one; at first the first with a cell (a Transformer's encoder has none).
const sideOf = (shown, pane) => (pane.side === null
  ? Math.max(shown.sides.findIndex((side) => side.cells.length > 0), 0)
  : Math.min(pane.side, shown.sides.length - 1));

// Where a side is opened: at the step, after the first, that changed the state of its first cell the most.
const liveliest = (side, numbers) => {
  const change = side.cells.length ? numbers.get(side.cells[0].change) : [];
  let best = Math.min(1, change.length - 1);
  for (let step = 2; step < change.length; step += 1) if (change[step] > change[best]) best = step;
  return best;
};

const cellArrays = (cell) => [
  cell.change, cell.output_correlation,
  ...cell.states.flatMap((state) => [state.array, state.begin]), ...cell.gates.map((gate) => gate.array),
];

// The arrays that the page shows of a document at once.
const neededOf = (shown, pane) => {
  const side = shown.sides[sideOf(shown, pane)];
  const cell = side?.cells[Math.min(pane.cell, side.cells.length - 1)];
  const outputs = shown.outputs.flatMap((output) => [output.array, output.surprise]);
  const changes = shown.sides.flatMap((each) => each.cells.map((one) => one.change));
  const wanted = [...changes, ...(cell ? cellArrays(cell) : []), ...outputs];
  return [...new Set(wanted)].filter((id) => id !== undefined && id !== null);
};
