import { dirname, isAbsolute, join } from "node:path";
import type { FrontendPlan } from "#plan/plan.ts";
import { MAX_PAGE } from "../model/error-pages.ts";
import type { Review } from "../review.ts";

type Pages = FrontendPlan["errorPages"];

/**
 * The error pages of every frontend, their files read. Files are named from the configuration's
 * folder.
 */
export function loadErrorPages(
  review: Review,
  readFile: (path: string) => string,
): ReadonlyMap<string, Pages> {
  const all = new Map<string, Pages>();
  for (const [name, frontend] of review.model.frontends) {
    const pages: Record<number, Pages[number]> = {};
    for (const [status, { type, body, file }] of frontend.errorPages) {
      const path = ["frontends", name, "errorPages", status];
      if ((body === undefined) === (file === undefined)) {
        review.error(path, "a page is either a body or a file", { expected: "body or file" });
        continue;
      }
      const text = body ?? readPage(review, [...path, "file"], file!, readFile);
      if (text !== undefined) pages[Number(status)] = { type, body: text };
    }
    all.set(name, pages);
  }
  return all;
}

function readPage(
  review: Review,
  path: readonly string[],
  file: string,
  readFile: (path: string) => string,
): string | undefined {
  const { place } = review.at(path);
  const whole = isAbsolute(file) ? file : join(dirname(place.file), file);
  try {
    const text = readFile(whole);
    if (Buffer.byteLength(text) <= MAX_PAGE) return text;
    review.error(path, `${whole} is larger than ${MAX_PAGE / 1024} KiB`);
  } catch (error) {
    review.error(path, `cannot read ${whole}: ${(error as Error).message}`);
  }
  return undefined;
}
