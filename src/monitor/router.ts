import type { Route } from "./route.ts";

interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: a route, the methods it would take instead, or nothing. */
export type Routed = Found | { readonly allow: readonly string[] } | undefined;

/** Finds routes by method and path. HEAD is GET without the body. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Routed {
  const patterns = routes.map((route) => ({ route, segments: route.path.split("/") }));
  return (method, path) => {
    const segments = path.split("/");
    const matching = patterns.flatMap(({ route, segments: pattern }) => {
      const params = match(pattern, segments);
      return params ? [{ route, params }] : [];
    });
    const wanted = method === "HEAD" ? "GET" : method;
    const found = matching.find(({ route }) => route.method === wanted);
    if (found) return found;
    return matching.length > 0 ? { allow: matching.map(({ route }) => route.method) } : undefined;
  };
}

/** Values of the pattern's names, or undefined when the path is another one. */
function match(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i]!;
    if (!part.startsWith("{")) {
      if (part !== segment) return undefined;
    } else {
      const value = decode(segment);
      if (!value) return undefined;
      params[part.slice(1, -1)] = value;
    }
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
