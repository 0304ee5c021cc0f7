import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HandleQueue } from "./handle-queue.ts";

test("handles come out in the order they went in, round and round", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.boolean()), (capacity, pushes) => {
      const queue = new HandleQueue(capacity);
      const naive: number[] = [];
      for (const [handle, push] of pushes.entries()) {
        if (push && naive.length < capacity) {
          queue.push(handle);
          naive.push(handle);
        } else if (!push && naive.length > 0) {
          assert.equal(queue.shift(), naive.shift());
        }
        assert.equal(queue.count, naive.length);
      }
    }),
  );
});
