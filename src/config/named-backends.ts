import { backendsOf } from "#rules/rule-field.ts";
import type { Frontend } from "./model/frontend.ts";
import { type Path, type Review, scalarSaying } from "./review.ts";

/** Every backend that a frontend names, and where. */
export function backendsNamed(
  review: Review,
  name: string,
  frontend: Frontend,
): { readonly backend: string; readonly path: Path }[] {
  const path: Path = ["frontends", name];
  const found = frontend.rules.flatMap((rule, i) =>
    backendsOf(rule).map((backend) => ({
      backend,
      path: scalarSaying(review, [...path, "rules", i], backend),
    })),
  );
  if (frontend.default === undefined) return found;
  return [...found, { backend: frontend.default, path: [...path, "default"] }];
}
