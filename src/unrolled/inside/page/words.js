"use strict";
// The page's words in the reader's language.

const remembered = (key, value) => {
  try {
    if (value === undefined) return localStorage.getItem(`unrolled.${key}`);
    localStorage.setItem(`unrolled.${key}`, value);
  } catch {
    // A page from a file may have no store of its own; the choice then lasts as long as the page.
  }
  return null;
};

const words = {
  all: JSON.parse(document.getElementById("words").textContent),
  language: "en",
};

// What the address asks for (#lang=zh&theme=dark) comes first, then what was chosen before.
const asked = (key) => new URLSearchParams(location.hash.slice(1)).get(key);

const chooseLanguage = (language) => {
  words.language = words.all[language] ? language : "en";
  document.documentElement.lang = words.language === "zh" ? "zh-CN" : "en";
};

const usualLanguage = () => asked("lang") || remembered("language")
  || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

const say = (key, gaps = {}) => {
  const text = words.all[words.language][key];
  if (text === undefined) throw new Error(`no word for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => gaps[name]);
};

// A text with `code` in it, as nodes.
const marked = (text) => text.split("`").map((piece, at) => (at % 2 ? html("code", {}, piece) : piece));

const known = (key) => words.all[words.language][key] !== undefined;

// What has a word in the dictionary is said in the reader's language, anything else as it is.
const sayOr = (key, otherwise) => (known(key) ? say(key) : otherwise);
