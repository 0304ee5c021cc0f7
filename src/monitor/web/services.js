import { createRow, setCell, setNumber, setState } from "./cells.js";
import { byId, element, keyed, setText } from "./dom.js";
import { bytes, joined } from "./format.js";
import { text } from "./language.js";

const COLUMNS = 10;
const section = byId("services-section");
const table = byId("services");
const problem = byId("services-problem");

const perSecond = (value) => `${joined(bytes(value))}/s`;

function create(className) {
  const row = createRow(className, COLUMNS);
  row.firstElementChild.append(element("span"), " ", element("span", { class: "muted" }));
  return row;
}

/** What services and their servers have in common: connections, and what goes on a second. */
function setRates(row, of) {
  const [, , , active, inactive, rate, packetsIn, packetsOut, received, sent] = row.cells;
  setNumber(active, of.active);
  setNumber(inactive, of.inactive);
  setNumber(rate, of.connectionsPerSecond);
  setNumber(packetsIn, of.packetsInPerSecond);
  setNumber(packetsOut, of.packetsOutPerSecond);
  setCell(received, perSecond(of.bytesInPerSecond), "n");
  setCell(sent, perSecond(of.bytesOutPerSecond), "n");
}

function updateService(row, service) {
  const [name, state] = row.cells;
  const { addresses, method, scheduler, usable, servers } = service;
  setText(name.children[0], service.name);
  setText(name.children[1], [...addresses, method, scheduler].join(" · "));
  const tone = usable === 0 ? "hot" : usable === servers ? "muted" : "warm";
  setCell(state, text("usable", { usable, all: servers }), tone);
  setRates(row, service);
}

function updateServer(row, server, service, state) {
  const [name, word, weight] = row.cells;
  setText(name.children[0], server.name);
  // What holds for all of them stands in the service's row.
  const own = server.method === service.method ? [] : [server.method];
  setText(name.children[1], [server.address, ...own].join(" · "));
  if (state) setState(word, state);
  setNumber(weight, server.weight);
  setRates(row, server);
}

/** Services of layer 4 as groups of rows. States of servers are those of their backend. */
export function showServices(director, backends) {
  section.hidden = director === null;
  if (director === null) return;
  setText(problem, director.problem === "" ? "" : `▼ ${director.problem}`);
  const states = new Map(
    backends.flatMap(({ name, servers }) =>
      servers.map((server) => [`${name}/${server.name}`, server.state]),
    ),
  );
  keyed(
    table,
    director.services,
    (service) => service.name,
    () => element("tbody"),
    (body, service) =>
      keyed(
        body,
        [undefined, ...service.members],
        (server) => (server ? `server ${server.name}` : "service"),
        (server) => create(server ? "server" : "backend"),
        (row, server) =>
          server
            ? updateServer(row, server, service, states.get(`${service.backend}/${server.name}`))
            : updateService(row, service),
      ),
  );
}
