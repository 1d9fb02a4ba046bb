"use strict";
// What stands under the pointer, read out beside it.

const tip = {
  element: document.querySelector(".tip"),

  show(event, title, rows) {
    const box = tip.element;
    box.replaceChildren(html("b", {}, title), ...rows.map(([name, value]) =>
      html("span", {}, name, html("em", {}, value))));
    box.hidden = false;
    const right = event.clientX + 16 + box.offsetWidth > innerWidth;
    box.style.left = `${Math.max(4, right ? event.clientX - 12 - box.offsetWidth : event.clientX + 16)}px`;
    box.style.top = `${Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 4)}px`;
  },

  hide() { tip.element.hidden = true; },
};

// Reads out what `read(event)` finds, [title, rows], or nothing.
const hover = (element, read) => {
  element.addEventListener("pointermove", (event) => {
    const found = read(event);
    if (found) tip.show(event, ...found);
    else tip.hide();
  });
  element.addEventListener("pointerleave", tip.hide);
};
