import type { Examined } from "#node/examine.ts";
import type { NodeStatus } from "#node/status.ts";
import type { Style } from "./style.ts";
import { formatTable, left, right } from "./table.ts";

/** `weir node status`. */
export function statusText({ joined, vips, tunnel, client }: NodeStatus, style: Style): string {
  if (!joined) return "this machine has joined nothing: weir node join";
  const missing = style.red("nowhere");
  const parts: string[] = [];
  if (vips.length > 0) {
    parts.push(
      formatTable(
        [left("ADDRESS"), left("METHOD"), left("ON")],
        vips.map(({ address, method, on }) => [address, method, on.join(", ") || missing]),
        style.bold,
      ),
    );
  }
  if (tunnel) {
    parts.push(
      formatTable(
        [left("PROGRAM AT"), left("DOES"), left("BY")],
        tunnel.programs.map(({ device, direction, hook }) => [
          `${device}, ${direction === "ingress" ? "in" : "out"}`,
          direction === "ingress" ? "takes packets out of tunnels" : "lowers MSS",
          hook ?? style.red("not there"),
        ]),
        style.bold,
      ),
      `tunnels: ${tunnel.forms.join(", ")}${tunnel.forms.includes("gue") ? `, UDP port ${tunnel.port}` : ""}; ` +
        `${tunnel.from.length > 0 ? `from ${tunnel.from.join(", ")}; ` : ""}TCP segments of ${tunnel.mss4} bytes, ${tunnel.mss6} with IPv6`,
    );
    if (tunnel.counts) parts.push(countsText(tunnel.counts));
  }
  if (client) parts.push(clientText(client, style));
  return parts.join("\n\n");
}

function clientText(client: NonNullable<NodeStatus["client"]>, style: Style): string {
  const { programs, tells, from, ports, cgroup, counts } = client;
  const missing = style.red("not there");
  const table = formatTable(
    [left("PROGRAM AT"), left("DOES"), left("BY")],
    [
      ...programs.map(({ device, hook }) => [
        `${device}, in`,
        "reads who clients are",
        hook ?? missing,
      ]),
      [cgroup, "tells programs", tells ? "cgroup" : missing],
    ],
    style.bold,
  );
  const which = ports.length > 0 ? `ports ${ports.join(", ")}` : "every port";
  const parts = [table, `clients: believed from ${from.join(", ")}, for ${which}`];
  if (counts) {
    const rows: [string, number][] = [
      ["connections begun by directors", counts.begun],
      ["connections of which the client is known", counts.told],
      ["times that a program was told", counts.said],
      ["times that a client of IPv6 did not fit a socket of IPv4", counts.unfit],
    ];
    const columns = [left("CLIENTS"), right("COUNT")];
    parts.push(
      formatTable(
        columns,
        rows.map(([what, count]) => [what, String(count)]),
      ),
    );
  }
  return parts.join("\n\n");
}

const countsText = (counts: NonNullable<NonNullable<NodeStatus["tunnel"]>["counts"]>): string =>
  formatTable(
    [left("PACKETS"), right("COUNT")],
    [
      ["out of IP in IP", String(counts.ipip)],
      ["out of GUE", String(counts.gue)],
      ["out of GRE", String(counts.gre)],
      ["dropped: congestion that could not be told", String(counts.congested)],
      ["dropped: the kernel kept the outer header", String(counts.failed)],
      ["answers to SYN with MSS lowered", String(counts.clamped)],
    ],
  );

/** `weir doctor`: a line for each thing that was looked at, or for each that is wrong with it. */
export function doctorText(examined: readonly Examined[], style: Style): string {
  if (examined.length === 0) {
    return "nothing to look at: this machine has joined nothing (or say --vip), and is no director (or say -f)";
  }
  return examined
    .flatMap(({ check, summary, findings }) =>
      findings.length === 0
        ? [`${style.green("ok")}       ${check}: ${summary}`]
        : findings.map(({ severity, text, remedy }) => {
            const mark = severity === "problem" ? style.red("problem") : style.yellow("warning");
            return `${mark}  ${check}: ${text}; ${style.bold(remedy)}`;
          }),
    )
    .join("\n");
}
