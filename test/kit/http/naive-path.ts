const PLAIN = /^[!$&-.0-:=@-[\]-~]$/;

/**
 * The path with every separator a slash and no needless encoding; undefined when it is malformed.
 */
export function naiveDecode(path: string): string | undefined {
  if (!/^\/[!$-;=@-[\]-~]*$/.test(path)) return undefined;
  if (/%(?![0-9a-f]{2})/i.test(path) || path.includes("%00")) return undefined;
  return path.replace(/%(..)/g, (_, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    if (character === "/" || character === "\\") return "/";
    return PLAIN.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

/** The path as rules compare it, or undefined when it is malformed. */
export function naivePath(path: string): string | undefined {
  const kept: string[] = [];
  const segments = naiveDecode(path)?.split("/").slice(1);
  if (!segments) return undefined;
  for (const [i, segment] of segments.entries()) {
    const name = segment.replace(/(;|%3B).*$/, "");
    const last = i === segments.length - 1;
    if (name === "..") kept.pop();
    if (name !== "" && name !== "." && name !== "..") kept.push(segment);
    else if (last) kept.push("");
  }
  return `/${kept.join("/")}`;
}
