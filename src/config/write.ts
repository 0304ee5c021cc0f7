import { Document, isCollection, isMap, type Node, visit } from "yaml";
import { assert } from "#base/assert.ts";
import { formatConfig } from "./fmt.ts";
import type { Section } from "./importer.ts";

/** Maps from this depth on stand in braces where they fit: servers, and what services have. */
const DEPTH = 3;

/** A configuration as a file: sections with blank lines between them, below lines of comment. */
export function writeConfig(document: Section, comment: readonly string[]): string {
  const parts = Object.entries(document).map(([name, section]) => {
    const yaml = new Document({ [name]: section });
    visit(yaml, {
      Collection(_, node, ancestors) {
        const depth = ancestors.filter((one) => isCollection(one as Node)).length;
        const isSmall = !isMap(node) || depth >= DEPTH;
        if (isSmall) node.flow = true;
      },
    });
    const text = formatConfig(yaml.toString({ lineWidth: 0 }));
    assert(typeof text === "string", "what was written is YAML");
    return text;
  });
  return [comment.map((line) => `# ${line}\n`).join(""), ...parts].join("\n").trimStart();
}
