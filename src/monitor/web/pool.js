import { createRow, setCell, setErrors, setNumber, setState } from "./cells.js";
import { openCommands } from "./commands.js";
import { byId, element, keyed, setText } from "./dom.js";
import { duration, joined, number, span } from "./format.js";
import { text } from "./language.js";
import { isFine } from "./states.js";

const COLUMNS = 11;
const table = byId("pool");
const troubled = byId("troubled");
const filter = byId("filter");

const isTroubled = (server) => !isFine(server.state) || server.serverErrorsPerSecond > 0;

function wanted(backend) {
  const words = filter.value.trim().toLowerCase();
  const matches = (name) => name.toLowerCase().includes(words);
  return backend.servers.filter(
    (server) =>
      (!troubled.checked || isTroubled(server)) &&
      (words === "" || matches(backend.name) || matches(server.name) || matches(server.address)),
  );
}

function createBackendRow() {
  const row = createRow("backend", COLUMNS);
  row.firstElementChild.append(element("span"), " ", element("span", { class: "muted" }));
  return row;
}

function updateBackendRow(row, backend) {
  const [name, state, , active, queued, rate, clientErrors, serverErrors, latency] = row.cells;
  setText(name.children[0], backend.name);
  setText(name.children[1], backend.balance);
  const all = backend.servers.length;
  const whole = backend.servers.every((server) => isFine(server.state));
  const tone = backend.usable === 0 ? "hot" : whole ? "muted" : "warm";
  setCell(state, text("usable", { usable: backend.usable, all }), tone);
  setNumber(active, backend.active);
  setNumber(queued, backend.queued, backend.queued > 0 ? "warm" : "muted");
  setNumber(rate, backend.requestsPerSecond);
  setErrors(clientErrors, backend.clientErrorsPerSecond, "warm");
  setErrors(serverErrors, backend.serverErrorsPerSecond, "hot");
  setCell(latency, joined(duration(backend.latency.p95Ms)), "n");
}

function createServerRow() {
  const row = createRow("server", COLUMNS);
  row.firstElementChild.append(element("span"), " ", element("span", { class: "muted" }));
  const more = element("button", { type: "button", class: "more" }, "…");
  row.lastElementChild.append(more);
  return row;
}

function updateServerRow(row, server, backend) {
  const [
    name,
    state,
    weight,
    active,
    queued,
    rate,
    clientErrors,
    serverErrors,
    latency,
    check,
    more,
  ] = row.cells;
  setText(name.children[0], server.name);
  setText(
    name.children[1],
    server.backup ? `${server.address} · ${text("backup")}` : server.address,
  );
  setState(state, server.state);
  state.title = `${server.reason} · ${text("forTime", { time: span(server.healthMs) })}`;
  const { effectiveWeight: effective } = server;
  const share = effective === server.weight ? "" : `${number(effective)} / `;
  setCell(weight, share + number(server.weight), "n");
  const limit = server.maxConnections > 0 ? ` / ${number(server.maxConnections)}` : "";
  setCell(active, number(server.active) + limit, "n");
  setNumber(queued, server.queued, server.queued > 0 ? "warm" : "muted");
  setNumber(rate, server.requestsPerSecond);
  setErrors(clientErrors, server.clientErrorsPerSecond, "warm");
  setErrors(serverErrors, server.serverErrorsPerSecond, "hot");
  setCell(latency, joined(duration(server.responseMs)), "n");
  setCell(check, server.check.text, `check-text ${server.check.ok === false ? "hot" : "muted"}`);
  check.title = `${server.check.code} · ${server.check.text}`;
  const label = text("changeServer", { name: `${backend.name}/${server.name}` });
  const button = more.firstElementChild;
  if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
  button.onclick = () => openCommands(backend.name, server);
}

/** Backends as groups of rows; with a filter, only servers that match, and their backends. */
export function showPool(backends) {
  const groups = backends
    .map((backend) => ({ backend, servers: wanted(backend) }))
    .filter(({ servers }) => servers.length > 0 || (!troubled.checked && filter.value === ""));
  keyed(
    table,
    groups,
    ({ backend }) => backend.name,
    () => element("tbody"),
    (body, { backend, servers }) => {
      keyed(
        body,
        [undefined, ...servers],
        (server) => (server ? `server ${server.name}` : "backend"),
        (server) => (server ? createServerRow() : createBackendRow()),
        (row, server) =>
          server ? updateServerRow(row, server, backend) : updateBackendRow(row, backend),
      );
    },
  );
}

/** Calls back when what is to be shown was chosen anew. `/` goes to the filter. */
export function onFilter(changed) {
  troubled.addEventListener("change", changed);
  filter.addEventListener("input", changed);
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    filter.focus();
  });
}
