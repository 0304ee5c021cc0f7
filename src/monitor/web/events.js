import { byId, element } from "./dom.js";
import { moment } from "./format.js";

const SHOWN = 100;
const MARKS = { info: ["·", ""], warning: ["▲", "warn"], error: ["▼", "bad"] };
const list = byId("events");
let events = [];

function show() {
  const items = events.map(({ at, level, text }) => {
    const [shape, tone] = MARKS[level];
    return element(
      "li",
      {},
      element("time", { datetime: new Date(at).toISOString() }, moment(at)),
      element("span", { class: `mark ${tone}`, role: "img", "aria-label": level }, shape),
      element("span", {}, text),
    );
  });
  list.replaceChildren(...items);
  byId("quiet").hidden = events.length > 0;
}

/** Newest first. */
export function loadEvents(loaded) {
  events = loaded.slice(-SHOWN).reverse();
  show();
}

export function addEvent(event) {
  events = [event, ...events].slice(0, SHOWN);
  show();
}

/** In the language that is now chosen. */
export const redrawEvents = show;
