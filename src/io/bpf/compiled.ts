import { readFileSync } from "node:fs";
import { type BpfObject, parseBpfObject } from "./object.ts";

/** What was compiled into a file, which is read when somebody asks for the first time. */
export function compiledAt(place: URL): () => BpfObject {
  let parsed: BpfObject | undefined;
  return () => (parsed ??= parseBpfObject(readFileSync(place)));
}
