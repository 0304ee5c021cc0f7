import type { Bench } from "./kit/bench.ts";

/**
 * Every bench by name. Each is loaded when it is asked for: most need programs that others do not.
 */
export const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  balance: () => import("./balance.bench.ts"),
  faults: () => import("./faults.bench.ts"),
  "log-format": () => import("./log-format.bench.ts"),
  http: () => import("./http.bench.ts"),
  "http-parser": () => import("./http-parser.bench.ts"),
  l4: () => import("./l4.bench.ts"),
  rules: () => import("./rules.bench.ts"),
};
