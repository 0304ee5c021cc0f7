import { nearest } from "#base/nearest.ts";
import { backendsNamed } from "../named-backends.ts";
import type { Path, Review } from "../review.ts";

/** Every backend that is named exists, and every backend that exists is named. */
export function checkReferences(review: Review): void {
  const { frontends, backends, services } = review.model;
  const known = review.namesIn("backends");
  const used = new Set<string>();

  const refer = (name: string, path: Path): void => {
    used.add(name);
    if (known.includes(name)) return;
    const near = nearest(name, known);
    review.error(path, `there is no backend "${name}"`, {
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "a backend; there are none",
      found: name,
      ...(near === undefined ? {} : { nearest: near }),
    });
  };

  for (const [name, frontend] of frontends) {
    for (const { backend, path } of backendsNamed(review, name, frontend)) refer(backend, path);
    if (frontend.default === undefined && frontend.rules.length === 0) {
      review.warning(["frontends", name], "it has no rules and no default: every request gets 503");
    }
  }
  for (const [name, { backend }] of services) refer(backend, ["services", name, "backend"]);
  // What seems unused may be meant by a name that is wrong, or by a frontend or a
  // service that could not be read.
  const isSure = [...used].every((name) => known.includes(name));
  const isWhole =
    frontends.size === review.namesIn("frontends").length &&
    services.size === review.namesIn("services").length;
  if (!isSure || !isWhole) return;
  for (const name of backends.keys()) {
    if (!used.has(name))
      review.warning(["backends", name], "no frontend or service uses this backend");
  }
}
