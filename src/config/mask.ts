/** Secrets shorter than this cannot be told from ordinary words, nor keep anything. */
const MIN_LENGTH = 4;

/** `text` without the secrets, for everything that is shown or logged. */
export function mask(text: string, secrets: Iterable<string>): string {
  let out = text;
  for (const secret of secrets) {
    if (secret.length >= MIN_LENGTH) out = out.replaceAll(secret, "***");
  }
  return out;
}
