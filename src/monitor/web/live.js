import { merge } from "./merge.js";

const POLL_MS = 2000;
/** Failures in a row after which polling is tried instead of the stream. */
const PATIENCE = 3;
/** Answers after which the stream gets another chance. */
const POLLS = 10;

/**
 * Keeps a status document up to date: by server-sent events, by polling where these do not get
 * through, and not at all while nobody looks. `onStatus(document)`, `onEvent(event)`,
 * `onLink("live" | "polling" | "lost")`, `onStart()` whenever it begins anew.
 */
export function watch({ onStatus, onEvent, onLink, onStart }) {
  let source;
  let poll;
  let failures = 0;
  let polls = 0;
  let status;

  function stop() {
    source?.close();
    clearTimeout(poll);
    source = poll = undefined;
  }

  function start() {
    stop();
    if (document.hidden) return;
    onStart();
    source = new EventSource("api/v1/stream");
    source.addEventListener("status", (message) => {
      failures = 0;
      onLink("live");
      onStatus((status = JSON.parse(message.data)));
    });
    source.addEventListener("delta", (message) => {
      onStatus((status = merge(status, JSON.parse(message.data))));
    });
    source.addEventListener("event", (message) => onEvent(JSON.parse(message.data)));
    source.addEventListener("error", () => {
      onLink("lost");
      if (++failures < PATIENCE && source.readyState !== EventSource.CLOSED) return;
      stop();
      polls = 0;
      ask();
    });
  }

  async function ask() {
    try {
      const answer = await fetch("api/v1/status", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      onStatus(await answer.json());
      onLink("polling");
      if (++polls === POLLS) {
        start();
        return;
      }
    } catch {
      onLink("lost");
    }
    poll = setTimeout(ask, POLL_MS);
  }

  document.addEventListener("visibilitychange", start);
  start();
}
