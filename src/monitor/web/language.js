import { TEXTS } from "./texts.js";

const KEY = "weir.language";
const stored = localStorage.getItem(KEY);
let language = stored in TEXTS ? stored : navigator.language.startsWith("zh") ? "zh" : "en";

export const currentLanguage = () => language;

/** The text of a key, its `{names}` filled in. */
export const text = (key, values = {}) =>
  TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** Puts the texts of the markup in place: content, accessible names, hints, tooltips. */
export function applyLanguage() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = text(node.dataset.text);
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text(node.dataset.label));
  }
  for (const node of document.querySelectorAll("[data-hint]")) {
    node.placeholder = text(node.dataset.hint);
  }
  for (const node of document.querySelectorAll("[data-tip]")) {
    node.title = text(node.dataset.tip);
  }
  document.getElementById("language").textContent = text("switchLanguage");
}

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem(KEY, language);
  applyLanguage();
}
