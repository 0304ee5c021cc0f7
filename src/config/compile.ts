import type { Plan } from "#plan/plan.ts";
import { type Fault, Report } from "#schema/index.ts";
import { crossChecks } from "./checks/index.ts";
import { loadErrorPages } from "./compile/error-pages.ts";
import {
  type BoardSlots,
  createSlots,
  type Ground,
  planOf,
  tablesWithoutRoom,
} from "./compile/plan.ts";
import { interpolate, type Surroundings } from "./interpolate.ts";
import { mask } from "./mask.ts";
import { merge } from "./merge.ts";
import type { Model } from "./model/document.ts";
import { readModel } from "./read.ts";
import { Review } from "./review.ts";
import { type Source, treeOf } from "./source.ts";

/** What a configuration is compiled against. */
export interface CompileContext extends Partial<Surroundings>, Partial<Ground> {
  /** Rows of the Board in use; absent: of a Board of its own, as for `weir check`. */
  readonly slots?: BoardSlots;
}

export interface Compiled {
  /** Absent when there is an error among the faults. */
  readonly plan: Plan | undefined;
  /** The configuration as read, `defaults` and our fallbacks filled in; absent as `plan` is. */
  readonly model: Model | undefined;
  /** Errors and warnings, those of one file in the order of its lines. */
  readonly faults: readonly Fault[];
  /** Values that must not be shown; see mask(). */
  readonly secrets: ReadonlySet<string>;
}

const noFile = (): never => {
  throw new Error("files cannot be read here");
};

/**
 * Reads, checks and compiles a configuration of one or more sources. Slots change only on success.
 */
export function compileConfig(sources: readonly Source[], context: CompileContext = {}): Compiled {
  const { env = {}, readFile = noFile } = context;
  const report = new Report();
  const secrets = new Set<string>();
  const trees = sources.flatMap((source) => treeOf(source, report) ?? []);
  const merged = trees.length === sources.length ? merge(trees, report) : undefined;
  const tree = merged && interpolate(merged, { env, readFile }, secrets, report);
  const read = tree && readModel(tree, report);
  const made = read && compileModel(new Review(read.model, read.tree, report), context);
  const faults = inOrder(report.faults, sources).map((fault) => masked(fault, secrets));
  const good = made !== undefined && !report.hasErrors;
  return { plan: good ? made : undefined, model: good ? read!.model : undefined, faults, secrets };
}

function compileModel(review: Review, context: CompileContext): Plan | undefined {
  const { readFile = noFile, slots } = context;
  const { model } = review;
  for (const check of crossChecks) check(review);
  const pages = loadErrorPages(review, readFile);
  for (const table of slots ? tablesWithoutRoom(model, slots) : []) {
    review.error([table], `the running engine has no room for that many ${table}`, {
      expected: `a larger engine.limits.${table}, and a restart`,
    });
  }
  if (review.hasErrors) return undefined;
  return planOf(model, pages, slots ?? createSlots(model.engine.limits), {
    generation: context.generation ?? 1,
    cpus: context.cpus ?? 1,
    adminSocket: context.adminSocket ?? "/run/weir/admin.sock",
  });
}

function inOrder(faults: readonly Fault[], sources: readonly Source[]): Fault[] {
  const file = (fault: Fault) => sources.findIndex((source) => source.file === fault.place.file);
  return faults.toSorted(
    (a, b) => file(a) - file(b) || a.place.line - b.place.line || a.place.column - b.place.column,
  );
}

function masked(fault: Fault, secrets: ReadonlySet<string>): Fault {
  if (secrets.size === 0) return fault;
  const { found } = fault;
  return {
    ...fault,
    message: mask(fault.message, secrets),
    ...(found === undefined ? {} : { found: mask(found, secrets) }),
  };
}
