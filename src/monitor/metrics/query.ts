/** What a scrape may be limited to. */
export const SCOPES = ["engine", "worker", "frontend", "backend", "server", "service"] as const;
export type Scope = (typeof SCOPES)[number];

export interface MetricsQuery {
  readonly scopes: readonly Scope[];
  /** Leave out servers in maintenance. */
  readonly noMaint: boolean;
}

/** `?scope=server&scope=backend&no-maint`; a sentence when it asks for what there is not. */
export function readMetricsQuery(query: URLSearchParams): MetricsQuery | string {
  const asked = query.getAll("scope").flatMap((value) => value.split(","));
  const known = (scope: string) => (SCOPES as readonly string[]).includes(scope);
  if (!asked.every(known)) return `unknown scope; there are ${SCOPES.join(", ")}`;
  const scopes = SCOPES.filter((scope) => asked.length === 0 || asked.includes(scope));
  return { scopes, noMaint: query.has("no-maint") };
}
