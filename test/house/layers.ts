/** Who may import whom, besides itself and Node. Read by layers.test.ts; type imports count. */
const foundation = ["base", "schema", "plan"];
const planes = ["proxy", "director"];
const parts = [
  "io",
  "http",
  "balance",
  "health",
  "discovery",
  "rules",
  "traffic",
  "cluster",
  "storage",
  "config",
];

export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  schema: ["base"],
  plan: ["base"],
  io: ["base"],
  http: foundation,
  traffic: foundation,
  cluster: foundation,
  balance: [...foundation, "http"],
  health: [...foundation, "io", "http"],
  discovery: [...foundation, "io", "http"],
  storage: [...foundation, "io", "http"],
  rules: [...foundation, "http"],
  config: [...foundation, "balance", "health", "discovery", "http", "rules", "cluster", "storage"],
  proxy: ["base", "plan", "io", "http", "rules", "balance", "traffic", "storage"],
  director: ["base", "plan", "io", "balance", "traffic"],
  node: ["base", "plan", "io"],
  control: [...foundation, ...parts, ...planes],
  monitor: [...foundation, "traffic", "config", "control"],
  // `run` is the supervisor (control, io); `explain` asks the rules and the schedulers themselves.
  cli: [...foundation, "io", "http", "balance", "rules", "node", "config", "control", "monitor"],
};
