import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  type ScalarTag,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { parseYaml, type SyntaxFault } from "./yaml-document.ts";

const WIDTH = 100;

/**
 * The one way to lay out a configuration: two spaces, lists indented, one empty line at most, maps
 * and lists in brackets (`{ a: 1 }`, `[a, b]`) kept while they fit into a line. Comments stay with
 * what they stand at. Formatting twice changes nothing. Text that is not YAML gives its faults.
 */
export function formatConfig(text: string): string | SyntaxFault[] {
  const document = parseYaml(text, new LineCounter());
  if (Array.isArray(document)) return document;
  if (document.commentBefore) document.commentBefore = tidy(document.commentBefore);
  visit(document, {
    Node(_, node, ancestors) {
      if (node.commentBefore) node.commentBefore = tidy(node.commentBefore);
      if (isScalar(node) && node.type === "QUOTE_SINGLE" && !/["\\]/.test(String(node.value))) {
        node.type = "QUOTE_DOUBLE";
      }
      if (isCollection(node) && node.flow && node.items.length > 0) {
        const inFlow = ancestors.some((a) => isCollection(a) && a.flow);
        node.flow = inFlow || fits(node, ancestors);
        if (node.flow) padAsMapsAre(node as YAMLMap | YAMLSeq);
      }
    },
  });
  keepWritten(document);
  // Nothing is folded by width: where lines end was decided above, and long text stays in one
  // piece.
  return document.toString({ indent: 2, indentSeq: true, lineWidth: 0 });
}

/** Numbers, booleans and nothing stay as they were written: `007` may be meant as text. */
function keepWritten(document: Document.Parsed): void {
  const { schema } = document;
  schema.tags = schema.tags.map((tag) =>
    "resolve" in tag && /:(int|float|bool|null)$/.test(tag.tag)
      ? { ...(tag as ScalarTag), stringify: (node) => node.source ?? String(node.value) }
      : tag,
  );
}

/** At most one empty line in a comment, none at its end. */
const tidy = (comment: string): string =>
  comment.replace(/\n\s*\n(\s*\n)+/g, "\n\n").replace(/\n+$/, "");

/** True when the collection has no comment and fits into a line behind its key. */
function fits(node: Node, ancestors: readonly unknown[]): boolean {
  let hasComment = false;
  visit(node, {
    Node(_, inner) {
      if (inner.comment || inner.commentBefore || inner.spaceBefore) hasComment = true;
    },
  });
  const depth = ancestors.filter(isCollection).length;
  const pair = ancestors.at(-1);
  const lead = isPair(pair) ? widthOf(pair.key) + 2 : 2;
  return !hasComment && Math.max(0, depth - 1) * 2 + lead + widthOf(node) <= WIDTH;
}

/** Columns that a node takes on one line. */
function widthOf(node: unknown): number {
  if (isAlias(node)) return node.source.length + 1;
  if (isScalar(node)) return node.range ? node.range[1] - node.range[0] : 0;
  if (!isCollection(node)) return 0;
  const padding = isMap(node) ? 4 : 2;
  const items = node.items.map((item) =>
    isPair(item) ? widthOf(item.key) + 2 + widthOf(item.value) : widthOf(item),
  );
  return items.reduce((sum, width) => sum + width + 2, padding - 2);
}

/**
 * Blanks inside the braces of maps, none inside the brackets of lists, as most formatters write
 * them.
 */
function padAsMapsAre(node: YAMLMap | YAMLSeq): void {
  const write = node.toString;
  const flowCollectionPadding = isMap(node) ? " " : "";
  node.toString = (context, ...rest) =>
    context === undefined
      ? write.call(node)
      : write.call(node, { ...context, flowCollectionPadding }, ...rest);
}
