import type { Report, Tree } from "#schema/index.ts";
import { treeOfValue } from "./value.ts";
import { treeOfYaml } from "./yaml.ts";

/** One configuration file: YAML text, or what `weir.config.ts` exported and its own text. */
export type Source =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly value: unknown; readonly script?: string };

/**
 * The tree of a source, or undefined when it is not even well formed; the reasons go to `report`.
 */
export function treeOf(source: Source, report: Report): Tree | undefined {
  return "text" in source
    ? treeOfYaml(source.file, source.text, report)
    : treeOfValue(source.file, source.value, report, source.script);
}
