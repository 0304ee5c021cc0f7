/** Whose end ends what was started for it: a test's context, or a bench's own. */
export interface Owner {
  after(end: () => unknown): void;
}
