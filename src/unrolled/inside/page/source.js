"use strict";
// Where documents and their numbers come from: this file, or the server on this machine.

const fromBase64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
};

// Byte planes, the lowest first, deflated; an element is low + step * k, and the largest k is no number.
const unpack = async (packed) => {
  const inflated = new Blob([fromBase64(packed.data)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const count = packed.bytes;
  const size = planes.length / count;
  const values = new Float32Array(size);
  const { low, step } = packed;
  const missing = 256 ** count - 1;
  for (let i = 0; i < size; i += 1) {
    let k = 0;
    for (let plane = count - 1; plane >= 0; plane -= 1) k = k * 256 + planes[plane * size + i];
    values[i] = k === missing ? NaN : low + step * k;
  }
  return values;
};

const fileSource = {
  live: false,
  document: async (pane) => JSON.parse(document.getElementById(`pane${pane}`).textContent),
  arrays: (pane, shown, ids) => Promise.all(ids.map((id) => unpack(shown.arrays[id]))),
  attribution: async (pane, shown, of) => shown.attribution[of] || null,
  reach: async (pane, shown) => shown.reach,
  nearest: async (pane, shown, side, cell, step) => placesOf(shown, side, step),
};

// What a document brings with it: the places of one cell, step by step.
const placesOf = (shown, side, step) => {
  const { nearest } = shown;
  return nearest && nearest.side === side ? { ...nearest, places: nearest.steps[step] || [] } : null;
};

const answerOf = async (response) => {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer?.error || `status ${response.status}`);
  return answer;
};

const ask = async (url, options) => {
  try {
    return await fetch(url, options);
  } catch {
    throw new Error(say("source.gone"));
  }
};

// What takes long is put off where an input is edited meanwhile; if that edit is refused, it is asked for again.
// Undefined where the pane has gone on to another input.
const patiently = async (pane, ask) => {
  const shown = pane.document;
  for (;;) {
    const found = await ask(shown);
    if (pane.document !== shown) return undefined;
    if (!found?.superseded) return found;
    await new Promise((act) => { setTimeout(act, 300); });
    if (pane.document !== shown) return undefined;
  }
};

const post = async (url, body) => answerOf(await ask(url, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
}));

const liveSource = {
  live: true,
  document: async (pane) => answerOf(await ask(`pane/${pane}`)),
  // All of them come as one answer, one after another.
  arrays: async (pane, shown, ids) => {
    const response = await ask(`pane/${pane}/${shown.trace}/array/${ids.join(",")}`);
    if (!response.ok) await answerOf(response);
    const bytes = await response.arrayBuffer();
    let at = 0;
    return ids.map((id) => {
      const size = shown.arrays[id].shape.reduce((product, length) => product * length, 1);
      at += size;
      return new Float32Array(bytes, (at - size) * 4, size);
    });
  },
  attribution: async (pane, shown, of) =>
    shown.attribution[of] || post(`pane/${pane}/${shown.trace}/attribution`, { of }),
  reach: async (pane, shown) => shown.reach || answerOf(await ask(`pane/${pane}/${shown.trace}/reach`)),
  nearest: async (pane, shown, side, cell, step) =>
    (shown.corpus ? post(`pane/${pane}/${shown.trace}/nearest`, { side, cell, step }) : null),
  edit: (pane, input) => post(`pane/${pane}/trace`, { input }),
};

const content = (name) => document.querySelector(`meta[name=${name}]`)?.content || "";

const source = content("live") === "1" ? liveSource : fileSource;
