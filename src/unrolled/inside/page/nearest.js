"use strict";
// Find more like this: the steps of a corpus whose state is nearest to the chosen one.

const nearestPart = (card, pane) => {
  const title = html("h3");
  const list = html("ol", { class: "places" });
  const note = html("p", { class: "note" });
  card.append(title, note, list);
  let latest = 0;

  const ask = async () => {
    latest += 1;
    const mine = latest;
    const cell = pane.chosen;
    try {
      const { document: shown, side, step } = pane;
      const found = cell ? await source.nearest(pane.number, shown, side, cell.name, step) : null;
      if (mine === latest) draw(found);
    } catch (error) {
      if (mine === latest) draw(null, error.message);
    }
  };

  const draw = (found, trouble) => {
    title.hidden = !found;
    list.replaceChildren(...(found ? found.places.map(placeOf) : []));
    const none = pane.document.corpus || pane.document.nearest ? "nearest.elsewhere" : "nearest.none";
    note.replaceChildren(...(found ? [say("nearest.of", found)] : trouble ? [trouble] : marked(say(none))));
    title.textContent = sayStep(pane);
  };

  const later = whenQuiet(150, ask);
  return (changed) => {
    if (only(changed, ["unit", "heat", "numbers", "attribution", "reach", "size"])) return;
    later();
  };
};

const placeOf = (place) => html("li", { "data-row": place.row, "data-step": place.step },
  html("p", { class: "quote" }, `${place.before} `, html("mark", {}, place.at), ` ${place.after}`),
  html("p", { class: "note" }, say("nearest.place", { row: place.row, step: place.step }), " · ",
    html("span", { "data-value": String(place.similarity) },
      say("nearest.similar", { share: number(place.similarity, 3) }))));
