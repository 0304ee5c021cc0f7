import { nearest } from "#base/nearest.ts";
import {
  type Dict,
  expectMap,
  type Field,
  fallbacks,
  type Report,
  readEntries,
  type Tree,
} from "#schema/index.ts";
import {
  type Defaults,
  defaults,
  defaultsFields,
  documentFields,
  type Model,
  withDefaults,
} from "./model/document.ts";
import { logFields } from "./model/log.ts";

/**
 * Reads a whole configuration. What could not be read is missing from the model, its fault being in
 * `report`; everything else is there, so that later checks can find more.
 */
export function readModel(tree: Tree, report: Report): { model: Model; tree: Dict } | undefined {
  if (!expectMap(tree, "", report, "a map of keywords such as frontends and backends")) {
    return undefined;
  }
  const entries = tree.entries.filter((entry) => !entry.key.startsWith("x-"));
  const document: Dict = { ...tree, entries };
  const only = (key: string): Dict => ({ ...tree, entries: entries.filter((e) => e.key === key) });

  const log =
    readEntries({ log: documentFields.log }, only("log"), "", report).log ?? fallbacks(logFields);
  const inherited = defaults.inherit!({ ...fallbacks(defaultsFields), log });
  const values: Defaults =
    readEntries({ defaults: inherited }, only("defaults"), "", report).defaults ??
    fallbacks(defaultsFields);

  const read = readEntries(
    {
      ...withDefaults(values),
      log: known(documentFields.log, log),
      defaults: known(defaults, values),
    },
    document,
    "",
    report,
  );
  const model = {
    ...read,
    engine: read.engine ?? documentFields.engine.fallback,
    log,
    monitor: read.monitor ?? documentFields.monitor.fallback,
    frontends: read.frontends ?? new Map(),
    backends: read.backends ?? new Map(),
    director: read.director ?? documentFields.director.fallback,
    services: read.services ?? new Map(),
  };
  expectTraffic(document, report);
  return { model: model as Model, tree: document };
}

/** Something must take clients in. A keyword that is only misspelt is told of already. */
function expectTraffic(document: Dict, report: Report): void {
  const { entries } = document;
  const isThere = entries.some(({ key, value }) => {
    const meant = Object.hasOwn(documentFields, key)
      ? key
      : nearest(key, Object.keys(documentFields));
    const isBare = value.kind === "scalar" && value.value === null;
    return (meant === "frontends" || meant === "services") && !isBare;
  });
  if (isThere) return;
  report.error(document, "", "there are neither frontends nor services: nothing takes clients in", {
    expected: "a map of frontends by name, or of services by name",
  });
}

/** A field whose value has been read already. */
const known = <T, I>(field: Field<T, I>, value: T): Field<T, I> => ({
  ...field,
  read: () => value,
});
