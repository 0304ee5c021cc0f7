/** As the promise, but rejects with what `late` says when it takes longer. */
export function within<T>(limitMs: number, promise: Promise<T>, late: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(late())), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
