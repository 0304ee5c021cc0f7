import { byId, element, setClass, setText } from "./dom.js";
import { bytes, duration, joined, number, percent } from "./format.js";
import { text } from "./language.js";
import { createSparkline, drawSparkline } from "./sparkline.js";

const perSecond = (value) => {
  const [figure, unit] = bytes(value);
  return [figure, `${unit}/s`];
};
const plain = (value) => [number(value), ""];
const errorTone = (share) => (share > 0.05 ? "bad" : share > 0.01 ? "warn" : "");

/**
 * One tile each: its figure in `traffic`, how it reads, what stands beside it, its history column.
 */
const TILES = [
  {
    title: "tileRequests",
    column: "requestsPerSecond",
    format: plain,
    least: 1,
    beside: (t) =>
      text("besideRequests", {
        peak: number(t.requestsPerSecondPeak),
        minute: number(t.requestsPerSecondMinute),
      }),
  },
  {
    title: "tileConcurrency",
    column: "inFlight",
    format: plain,
    least: 1,
    beside: (t) => text("besideConcurrency", { connections: number(t.connections) }),
  },
  {
    title: "tileLatency",
    column: "p95Ms",
    value: (t) => t.latency.p95Ms,
    format: duration,
    least: 1,
    beside: ({ latency }) =>
      text("besideLatency", {
        p50: joined(duration(latency.p50Ms)),
        p99: joined(duration(latency.p99Ms)),
      }),
  },
  {
    title: "tileErrors",
    column: "errorShare",
    format: percent,
    least: 0.01,
    tone: (t) => errorTone(t.errorShare),
    beside: (t) => text("besideErrors", { minute: joined(percent(t.errorShareMinute)) }),
  },
  {
    title: "tileThroughput",
    column: "bytesOutPerSecond",
    format: perSecond,
    least: 1000,
    beside: (t) => text("besideThroughput", { received: joined(perSecond(t.bytesInPerSecond)) }),
  },
];

const KEPT = 300;
const history = new Map(TILES.map(({ column }) => [column, []]));

const nodes = TILES.map(() => {
  const parts = {
    title: element("h3"),
    figure: document.createTextNode(""),
    unit: element("small"),
    beside: element("p", { class: "beside" }),
    chart: createSparkline(),
  };
  parts.value = element("p", { class: "value" }, parts.figure, parts.unit);
  const tile = element("li", { class: "tile" });
  tile.append(parts.title, parts.value, parts.beside, parts.chart);
  byId("tiles").append(tile);
  return parts;
});

const figureOf = (tile, traffic) => (tile.value ? tile.value(traffic) : traffic[tile.column]);

/** Replaces the history with the server's. */
export function loadHistory(series) {
  for (const [column, values] of history)
    values.splice(0, values.length, ...series[column].slice(-KEPT));
}

/** Takes one more second into the history. */
export function recordTraffic(traffic) {
  for (const tile of TILES) {
    const values = history.get(tile.column);
    values.push(figureOf(tile, traffic));
    if (values.length > KEPT) values.shift();
  }
}

export function showTiles(traffic) {
  TILES.forEach((tile, i) => {
    const { title, value, figure, unit, beside, chart } = nodes[i];
    const [now, nowUnit] = tile.format(figureOf(tile, traffic));
    setText(title, text(tile.title));
    setText(figure, now);
    setText(unit, nowUnit);
    setClass(value, `value ${tile.tone?.(traffic) ?? ""}`);
    setText(beside, tile.beside(traffic));
    const values = history.get(tile.column);
    drawSparkline(chart, values, tile.least);
    const highest = Math.max(0, ...values.map((v) => v ?? 0));
    chart.setAttribute(
      "aria-label",
      text("sparkline", {
        what: text(tile.title),
        now: joined([now, nowUnit]),
        highest: joined(tile.format(highest)),
      }),
    );
  });
}
