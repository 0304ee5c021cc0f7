import { byId } from "./dom.js";
import { addEvent, loadEvents, redrawEvents } from "./events.js";
import { showFrontends } from "./frontends.js";
import { showHeading, showLink } from "./heading.js";
import { applyLanguage, switchLanguage } from "./language.js";
import { watch } from "./live.js";
import { onFilter, showPool } from "./pool.js";
import { showServices } from "./services.js";
import { applyTheme, switchTheme } from "./theme.js";
import { loadHistory, recordTraffic, showTiles } from "./tiles.js";

let status;
let link = "live";
let heardAt = performance.now();

function show() {
  if (!status) return;
  showHeading(status);
  showTiles(status.traffic);
  showPool(status.backends);
  showServices(status.director, status.backends);
  showFrontends(status.frontends);
  showLink(link, performance.now() - heardAt);
}

async function load(path, take) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.ok) take(await answer.json());
}

watch({
  onStart() {
    load("api/v1/history", ({ series }) => loadHistory(series)).catch(() => {});
    load("api/v1/events", loadEvents).catch(() => {});
  },
  onStatus(now) {
    status = now;
    heardAt = performance.now();
    recordTraffic(status.traffic);
    show();
  },
  onEvent: addEvent,
  onLink(state) {
    link = state;
    showLink(link, performance.now() - heardAt);
  },
});

byId("language").addEventListener("click", () => {
  switchLanguage();
  redrawEvents();
  show();
});
byId("theme").addEventListener("click", switchTheme);
onFilter(show);
applyTheme();
applyLanguage();
