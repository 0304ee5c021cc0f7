import type { Report, Scalar, Tree } from "#schema/index.ts";
import { typeScalar } from "./yaml-scalar.ts";

/** Where the values of `${…}` come from. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file; throws an Error that says why not. */
  readonly readFile: (path: string) => string;
}

/** Defaults within defaults. */
const MAX_DEPTH = 8;
// biome-ignore lint/suspicious/noTemplateCurlyInString: that is what users write
const FORMS = "${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:/path} or ${cred:name}";
/** Environment variables whose values are not shown. */
const SECRET_NAME = /pass|secret|token|key|credential/i;

/**
 * Fills in the `${…}` of every scalar, after parsing, so that no value can change the structure. A
 * scalar that is one `${…}` and nothing else is typed as if its value stood there. Values that must
 * not be shown are added to `secrets`.
 */
export function interpolate(
  tree: Tree,
  from: Surroundings,
  secrets: Set<string>,
  report: Report,
): Tree {
  // What several aliases share is filled in, and found at fault, once.
  const done = new Map<Tree, Tree>();
  const walk = (node: Tree, path: string): Tree => {
    const filled = done.get(node) ?? fill(node, path);
    done.set(node, filled);
    return filled;
  };
  const fill = (node: Tree, path: string): Tree => {
    switch (node.kind) {
      case "list":
        return { ...node, items: node.items.map((item, i) => walk(item, `${path}[${i}]`)) };
      case "dict": {
        const at = (key: string) => (path === "" ? key : `${path}.${key}`);
        const entries = node.entries.map((e) => ({ ...e, value: walk(e.value, at(e.key)) }));
        return { ...node, entries };
      }
      default:
        if (typeof node.value !== "string" || !node.value.includes("${")) return node;
        return new Filling(node, path, from, secrets, report).scalar();
    }
  };
  return walk(tree, "");
}

/** One scalar being filled in. */
class Filling {
  readonly #node: Scalar;
  readonly #text: string;
  readonly #path: string;
  readonly #from: Surroundings;
  readonly #secrets: Set<string>;
  readonly #report: Report;
  #isBroken = false;

  constructor(
    node: Scalar,
    path: string,
    from: Surroundings,
    secrets: Set<string>,
    report: Report,
  ) {
    this.#node = node;
    this.#text = node.value as string;
    this.#path = path;
    this.#from = from;
    this.#secrets = secrets;
    this.#report = report;
  }

  scalar(): Scalar {
    const { place } = this.#node;
    const value = this.#fill(this.#text, 0, 0);
    if (this.#isBroken) return { kind: "scalar", place, value: "", broken: true };
    const pure = this.#text.startsWith("${") && closing(this.#text, 0) === this.#text.length - 1;
    return pure ? { kind: "scalar", place, ...typeScalar(value) } : { ...this.#node, value };
  }

  /** `text`, which stands at `base` of the scalar, with its `${…}` filled in. */
  #fill(text: string, base: number, depth: number): string {
    let out = "";
    let at = 0;
    for (;;) {
      const open = text.indexOf("${", at);
      if (open < 0) return out + text.slice(at);
      if (text[open - 1] === "$") {
        out += `${text.slice(at, open - 1)}\${`;
        at = open + 2;
        continue;
      }
      out += text.slice(at, open);
      const close = closing(text, open);
      if (close < 0) return out + this.#fault(base + open, 2, `"\${" is not closed`);
      out += this.#value(text.slice(open + 2, close), base + open, depth);
      at = close + 1;
    }
  }

  #value(inside: string, at: number, depth: number): string {
    const length = inside.length + 3;
    if (depth > MAX_DEPTH) return this.#fault(at, length, "defaults nested too deep");
    const m = /^(?:(file|cred):(.+)|([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?)$/s.exec(inside);
    if (!m) return this.#fault(at, length, `\${${inside.slice(0, 40)}} is not understood`, FORMS);
    const [, kind, path, name, operator, rest] = m;
    if (kind !== undefined) return this.#file(kind, path!, at, length);
    const value = this.#from.env[name!];
    if (value !== undefined && (value !== "" || operator === undefined)) {
      if (SECRET_NAME.test(name!)) this.#secrets.add(value);
      return value;
    }
    if (operator === "-") return this.#fill(rest!, at + name!.length + 4, depth + 1);
    const why = operator === "?" && rest !== "" ? `: ${rest}` : ", and there is no default";
    const fix = `the variable, or \${${name}:-default}`;
    return this.#fault(at, length, `\${${name}} is not set${why}`, fix);
  }

  /** Contents of a file, without the newline at its end; always a secret. */
  #file(kind: string, name: string, at: number, length: number): string {
    let path = name;
    if (kind === "file" && !path.startsWith("/")) {
      return this.#fault(at, length, `\${file:${name}}: not an absolute path`);
    }
    if (kind === "cred") {
      const directory = this.#from.env["CREDENTIALS_DIRECTORY"];
      if (directory === undefined) {
        return this.#fault(at, length, `\${cred:${name}}: $CREDENTIALS_DIRECTORY is not set`);
      }
      if (name.includes("/")) return this.#fault(at, length, "a credential's name has no slash");
      path = `${directory}/${name}`;
    }
    try {
      const value = this.#from.readFile(path).replace(/\r?\n$/, "");
      this.#secrets.add(value);
      return value;
    } catch (error) {
      return this.#fault(at, length, `cannot read ${path}: ${(error as Error).message}`);
    }
  }

  #fault(at: number, length: number, message: string, expected?: string): "" {
    const { place } = this.#node;
    this.#isBroken = true;
    // Only text without escapes has its characters where they are in the file; quotes take one.
    const quote = place.length === this.#text.length ? 0 : 1;
    const plain = place.line > 0 && place.length === this.#text.length + 2 * quote;
    const exact = plain ? { ...place, column: place.column + quote + at, length } : place;
    const more = expected === undefined ? {} : { expected };
    this.#report.error({ place: exact }, this.#path, message, more);
    return "";
  }
}

/** Index of the brace that closes the `${` at `open`, or -1. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}
