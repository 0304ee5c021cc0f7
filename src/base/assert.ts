/**
 * Marks a programmer error: the worker that meets one dies loudly and its parent starts it anew.
 */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/**
 * Throws AssertionError unless `truth` holds. Never for input from outside: that gets a fault or a
 * code.
 */
export function assert(truth: unknown, message = "assertion failed"): asserts truth {
  if (!truth) throw new AssertionError(message);
}
