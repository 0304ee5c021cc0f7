export interface DemoPorts {
  readonly web: number;
  readonly monitor: number;
  readonly servers: readonly { readonly name: string; readonly port: number }[];
}

/** The configuration of the demo: a file a user may look at, change, and reload. */
export const demoConfig = ({ web, monitor, servers }: DemoPorts): string => `\
# The demo's configuration. Change it and say \`weir reload\`.
frontends:
  web:
    bind: 127.0.0.1:${web}
    default: demo

backends:
  demo:
    balance: roundrobin
    # A server is asked every second; two failures take it out, one success brings it back.
    check: { type: http, path: /health, interval: 1s, fall: 2, rise: 1 }
    servers:
${servers.map(({ name, port }) => `      ${name}: 127.0.0.1:${port}`).join("\n")}

monitor:
  bind: 127.0.0.1:${monitor}

engine:
  threads: 2
  drain: 5s

# The access log; try \`combined\`.
log: none
`;
