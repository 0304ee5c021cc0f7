// @hot
/** Base of the schedulers that learn nothing from what becomes of a request. */
export abstract class Blind {
  taken(): void {}
  dropped(): void {}
}
