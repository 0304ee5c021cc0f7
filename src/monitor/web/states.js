/** How a state looks: a shape and a tone. The word is in texts.js under the same key. */
export const STATES = {
  up: { shape: "●", tone: "good" },
  warming: { shape: "◐", tone: "warn" },
  drain: { shape: "◆", tone: "warn" },
  maint: { shape: "■", tone: "off" },
  down: { shape: "▼", tone: "bad" },
  unknown: { shape: "○", tone: "off" },
  open: { shape: "●", tone: "good" },
  paused: { shape: "■", tone: "off" },
};

/** Nothing to look at: what no check watches counts as well until it fails. */
export const isFine = (state) => state === "up" || state === "unknown";
