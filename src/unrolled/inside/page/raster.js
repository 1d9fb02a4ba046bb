"use strict";
// Values as pixels: only what is in sight, as sharp as the screen is.

const pixels = (canvas, width, height) => {
  const ratio = devicePixelRatio || 1;
  const [wide, tall] = [Math.max(Math.round(width * ratio), 1), Math.max(Math.round(height * ratio), 1)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  return { wide, tall, ratio };
};

const images = new WeakMap();

// The pixels of a canvas are made once for a size: to make them anew in every frame would be felt.
const imageOf = (canvas, context, wide, tall) => {
  const there = images.get(canvas);
  if (there && there.width === wide && there.height === tall) return there;
  const image = context.createImageData(wide, tall);
  images.set(canvas, image);
  return image;
};

// `value(row, column)` lies at values[row * rowStride + column * columnStride]; `order` says which row stands where.
const paintRaster = (canvas, field) => {
  const { values, order, rowStride, columnStride, columns, left, top, cellWidth, cellHeight, scale } = field;
  const { wide, tall, ratio } = pixels(canvas, field.width, field.height);
  const context = canvas.getContext("2d");
  const image = imageOf(canvas, context, wide, tall);
  const out = new Uint32Array(image.data.buffer);
  const table = colourTable(scale.kind);
  const factor = 255 / (scale.high - scale.low || 1);
  const places = new Int32Array(wide);
  for (let x = 0; x < wide; x += 1) {
    const column = Math.floor((left + (x + 0.5) / ratio) / cellWidth);
    places[x] = column < columns ? column * columnStride : -1;
  }
  let painted = -1;
  for (let y = 0; y < tall; y += 1) {
    const row = Math.floor((top + (y + 0.5) / ratio) / cellHeight);
    const start = y * wide;
    if (row >= order.length) {
      out.fill(0, start);
      break;
    }
    if (row === painted) {
      out.copyWithin(start, start - wide, start);
      continue;
    }
    painted = row;
    const base = order[row] * rowStride;
    let last = -2;
    let shade = 0;
    for (let x = 0; x < wide; x += 1) {
      const place = places[x];
      if (place !== last) {
        last = place;
        const value = place < 0 ? NaN : values[base + place];
        shade = value === value ? table[clamp(Math.round((value - scale.low) * factor), 0, 255)] : 0;
      }
      out[start + x] = shade;
    }
  }
  context.putImageData(image, 0, 0);
};
