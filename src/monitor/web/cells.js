import { element, setClass, setText } from "./dom.js";
import { number } from "./format.js";
import { text } from "./language.js";
import { STATES } from "./states.js";

/** A row of a table: a heading cell and `count` others. */
export function createRow(className, count) {
  const row = element("tr", { class: className }, element("th", { scope: "row" }));
  for (let i = 1; i < count; i++) row.append(element("td"));
  return row;
}

export function setCell(cell, content, className = "") {
  setText(cell, content);
  setClass(cell, className);
}

export const setNumber = (cell, value, className = "") =>
  setCell(cell, number(value), `n ${className}`);

/** Errors a second: dim at none, loud otherwise. */
export const setErrors = (cell, perSecond, loud) =>
  setNumber(cell, perSecond, perSecond > 0 ? loud : "muted");

/** A state in shape, colour and word. */
export function setState(cell, state) {
  let word = cell.firstElementChild;
  if (!word) cell.append((word = element("span")));
  const { shape, tone } = STATES[state];
  word.dataset.shape = shape;
  setClass(word, `word ${tone}`);
  setText(word, text(state));
}
