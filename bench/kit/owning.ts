import type { Owner } from "#kit/owner.ts";

/**
 * Does some work as the owner of what it starts. All of that ends with the work, the youngest
 * first; when this process ends in the middle (Ctrl-C), what can be ended at once still is.
 */
export async function owning<T>(work: (owner: Owner) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  const endNow = (): void => {
    for (let end = ends.pop(); end; end = ends.pop()) {
      try {
        end();
      } catch (error) {
        console.error(error);
      }
    }
  };
  process.once("exit", endNow);
  try {
    return await work({ after: (end) => void ends.push(end) });
  } finally {
    for (let end = ends.pop(); end; end = ends.pop()) {
      await Promise.resolve()
        .then(end)
        .catch((error: unknown) => console.error(error));
    }
    process.off("exit", endNow);
  }
}
