"use strict";
// How numbers are written.

const number = (value, digits = 3) => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 10 ** -digits / 2)) return value.toExponential(1).replace("-", "−");
  const places = size >= 1000 ? 0 : size >= 100 ? 1 : digits;
  return value.toFixed(places).replace("-", "−");
};

const signed = (value, digits = 3) => `${value > 0 ? "+" : ""}${number(value, digits)}`;

const percent = (share) => {
  const shown = share * 100;
  return `${shown > 0 && shown < 0.95 ? shown.toFixed(1) : Math.round(shown)} %`;
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

const quantile = (sorted, share) => {
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
};

// The smallest and the largest finite number.
const extent = (values) => {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (value < low && value !== -Infinity) low = value;
    if (value > high && value !== Infinity) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
};
