import { byId, setClass, setText } from "./dom.js";
import { span } from "./format.js";
import { text } from "./language.js";

/** How all of it is, in one badge: the worst thing that holds. */
function verdictOf({ engine, backends, director }) {
  const servers = backends.flatMap((backend) => backend.servers);
  const down = servers.filter((server) => server.state === "down").length;
  const empty = backends.filter((backend) => backend.usable === 0).map((backend) => backend.name);
  if (servers.length === 0) return { tone: "off", icon: "warn", words: text("noServers") };
  if (empty.length > 0) {
    return {
      tone: "bad",
      icon: "down",
      words: `▼ ${text("someEmpty", { names: empty.join(", ") })}`,
    };
  }
  if (director?.problem) return { tone: "bad", icon: "down", words: `▼ ${text("notTaken")}` };
  if (down > 0)
    return { tone: "warn", icon: "warn", words: `▲ ${text("someDown", { count: down })}` };
  if (engine.state === "draining")
    return { tone: "warn", icon: "warn", words: `◆ ${text("draining")}` };
  return { tone: "good", icon: "ok", words: `● ${text("allUp")}` };
}

function setIcon(name) {
  const file = `${name}.svg`;
  for (const [id, attribute] of [
    ["icon", "href"],
    ["mark", "src"],
  ]) {
    if (byId(id).getAttribute(attribute) !== file) byId(id).setAttribute(attribute, file);
  }
}

export function showHeading(status) {
  const { tone, icon, words } = verdictOf(status);
  setText(byId("verdict"), words);
  setClass(byId("verdict"), `badge ${tone}`);
  setIcon(icon);
  const title = icon === "ok" ? "weir" : `${words} – weir`;
  if (document.title !== title) document.title = title;

  const { reload, generation } = status.engine;
  const config = reload.ok
    ? text("configOk", { generation })
    : `▲ ${text("configRefused", { message: reload.message })}`;
  setText(byId("config"), config);
  setClass(byId("config"), reload.ok ? "badge quiet" : "badge quiet warn");

  const running = status.workers.filter((worker) => worker.state === "running");
  setText(
    byId("about"),
    text("about", {
      version: status.version,
      workers: running.length,
      driver: [...new Set(running.map((worker) => worker.driver))].join(", ") || "–",
      uptime: span(status.engine.uptimeMs),
      pid: status.engine.pid,
    }),
  );
}

/** Whether what the page shows is what is. */
export function showLink(state, silentMs) {
  const lost = state === "lost";
  setText(
    byId("link"),
    lost ? `▼ ${text("lost", { seconds: Math.round(silentMs / 1000) })}` : text(state),
  );
  setClass(byId("link"), lost ? "badge quiet bad" : "badge quiet");
  document.body.classList.toggle("stale", lost);
  if (lost) setIcon("down");
}
