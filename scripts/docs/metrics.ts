import { FakeControl } from "#kit/fake-control.ts";
import { writeMetrics } from "#monitor/metrics/metrics.ts";
import { SCOPES, type Scope } from "#monitor/metrics/query.ts";
import { GENERATED, table } from "./table.ts";

const INTRODUCTION = `# Metrics

${GENERATED}

\`GET /metrics\` on the status page's port (\`monitor.bind\`) and on the admin socket. A scraper that asks
for OpenMetrics 1.0 gets that, any other the text format 0.0.4. \`?scope=server\` limits the answer to
one part (more by comma or by repetition), \`?no-maint\` leaves out servers in maintenance.

Counters count since the Board, the memory the threads share, was made: they outlive reloads, crashes
of workers and of the engine, and upgrades that keep its sizes. Those of layer 4 count inside the
kernel, since the director was put there. What a server counted stays in its service's count when it leaves; an
engine that takes over from another knows only of servers that are still there, and a count may then be
lower. Durations are in seconds, sizes in bytes. Histograms have bounds at the powers of two from 128 µs
to 67 s; their sums are right to a sixteenth.
`;

const TITLES: Readonly<Record<Scope, string>> = {
  engine: "The engine",
  worker: "Workers",
  frontend: "Frontends",
  backend: "Backends",
  server: "Servers",
  service: "Layer 4: the director, services and their servers",
};

const CONFIG = `
director: { interfaces: eth0 }
frontends: { www: { bind: "127.0.0.1:8080", default: app } }
services: { web: { bind: "192.0.2.1:80", method: dr, backend: app } }
backends: { app: { servers: { a: "10.0.0.1:80" } } }
`;

/** A control that has something of everything to count. */
function sampleControl(): FakeControl {
  const control = new FakeControl(CONFIG);
  const status = control.status();
  control.status = () => ({ ...status, logErrors: { stdout: 0 } });
  return control;
}

/** Every family of a scope as a scraper sees it: name, type, labels, help. */
function families(scope: Scope): string[][] {
  const query = { scopes: [scope], noMaint: false };
  const blocks = writeMetrics(sampleControl(), query, "")
    .body.split(/^# HELP /m)
    .slice(1);
  return blocks.map((block) => {
    const [, name, help] = /^(\S+) (.*)$/m.exec(block)!;
    const type = /^# TYPE \S+ (\S+)$/m.exec(block)![1]!;
    const labels = /\{(.*?)\}/.exec(block)?.[1] ?? "";
    const names = [...labels.matchAll(/(\w+)=/g)].map((m) => m[1]!).filter((n) => n !== "le");
    return [`\`${name}\``, type, names.map((n) => `\`${n}\``).join(", "), help!];
  });
}

/** The page docs/metrics.md. */
export function metricsDocs(): string {
  const parts = SCOPES.map((scope) =>
    [
      `## ${TITLES[scope]}\n`,
      `\`?scope=${scope}\`\n`,
      table(["metric", "type", "labels", "meaning"], families(scope)),
      "",
    ].join("\n"),
  );
  return [INTRODUCTION, ...parts].join("\n");
}
