"use strict";
// Light and dark, and the colours that canvases paint with.

const DARK = "(prefers-color-scheme: dark)";

const theme = { chosen: null, colours: new Map(), tables: new Map() };

const darkRules = () => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  .filter((rule) => rule instanceof CSSMediaRule && (rule.unrolledDark || rule.media.mediaText === DARK));

// The style sheet knows one dark, that of the system; a choice makes it hold always, or never.
const chooseTheme = (chosen) => {
  theme.chosen = chosen;
  for (const rule of darkRules()) {
    rule.unrolledDark = true;
    rule.media.mediaText = { dark: "all", light: "not all" }[chosen] || DARK;
  }
  document.documentElement.style.colorScheme = chosen || "light dark";
  forgetColours();
};

const isDark = () => (theme.chosen ? theme.chosen === "dark" : matchMedia(DARK).matches);

// Kept, because to ask for a colour in the midst of drawing would work out the style of the page again.
const colour = (name) => {
  if (!theme.colours.has(name)) {
    theme.colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return theme.colours.get(name);
};

const forgetColours = () => {
  theme.colours.clear();
  theme.tables.clear();
};

const channels = (name) => {
  const hex = colour(name);
  const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join("") : hex.slice(1);
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
};

const pixel = (from, to, share) => {
  const [red, green, blue] = from.map((each, at) => Math.round(each + (to[at] - each) * share));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
};

// 256 pixels from low to high. "both" goes from orange through the colour of
// the card to blue, which every common kind of colour blindness tells apart; "one" goes from the card to blue.
const colourTable = (kind) => {
  if (!theme.tables.has(kind)) {
    const [card, cold, warm] = ["card", "c2", "c1"].map(channels);
    const table = new Uint32Array(256);
    for (let i = 0; i < 256; i += 1) {
      const at = kind === "both" ? i / 127.5 - 1 : i / 255;
      table[i] = pixel(card, at < 0 ? cold : warm, Math.abs(at) ** 0.85);
    }
    theme.tables.set(kind, table);
  }
  return theme.tables.get(kind);
};

// The scale of an array: even around zero where it has both signs.
const scaleOf = (values, range) => {
  const [low, high] = range || extent(values);
  if (low >= 0) return { kind: "one", low: range ? low : 0, high: high || 1 };
  const size = Math.max(-low, high) || 1;
  return { kind: "both", low: -size, high: size };
};

// Behind text a colour is never stronger than half, so that ink can be read on it.
const tint = (element, value, scale) => {
  const share = scale.kind === "both" ? Math.abs(value) / scale.high : (value - scale.low) / (scale.high - scale.low);
  element.classList.toggle("cold", value < 0);
  element.style.setProperty("--level", `${Number.isFinite(share) ? Math.round(clamp(share, 0, 1) * 52) : 0}%`);
};
