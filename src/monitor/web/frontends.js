import { createRow, setCell, setErrors, setNumber, setState } from "./cells.js";
import { byId, keyed } from "./dom.js";
import { bytes, duration, joined, number } from "./format.js";

const body = byId("frontends").tBodies[0];

function update(row, frontend) {
  const [name, state, listens, connections, rate, clientErrors, serverErrors, p95, sent] =
    row.cells;
  setCell(name, frontend.name);
  setState(state, frontend.state);
  setCell(listens, frontend.binds.join(", "), "muted");
  const full = frontend.connections >= frontend.maxConnections * 0.9;
  const allowed = `${number(frontend.connections)} / ${number(frontend.maxConnections)}`;
  setCell(connections, allowed, full ? "n warm" : "n");
  setNumber(rate, frontend.requestsPerSecond);
  setErrors(clientErrors, frontend.clientErrorsPerSecond, "warm");
  setErrors(serverErrors, frontend.serverErrorsPerSecond, "hot");
  setCell(p95, joined(duration(frontend.latency.p95Ms)), "n");
  setCell(sent, `${joined(bytes(frontend.bytesOutPerSecond))}/s`, "n");
}

export function showFrontends(frontends) {
  keyed(
    body,
    frontends,
    (frontend) => frontend.name,
    () => createRow("frontend", 9),
    update,
  );
}
