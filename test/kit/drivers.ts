import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Driver, DriverOptions } from "#io/driver.ts";
import { createEpollDriver } from "#io/epoll.ts";
import { createUringDriver } from "#io/uring.ts";
import { openFds } from "./descriptors.ts";
import { Harness } from "./driver-harness.ts";

type Create = (options: DriverOptions) => Driver;

const DEFAULTS: DriverOptions = {
  sockets: 512,
  pageBytes: 64 * 1024 * 1024,
  buffers: 64,
  bufferBytes: 4096,
};

const DRIVERS: Readonly<Record<Driver["name"], Create>> = {
  epoll: createEpollDriver,
  io_uring: createUringDriver,
};

/** Why a driver cannot run on this host, or false. */
function impossible(create: Create): string | false {
  try {
    create({ sockets: 8, pageBytes: 131_072, buffers: 4, bufferBytes: 4096 }).destroy();
    return false;
  } catch (error) {
    return `not on this host: ${(error as Error).message}`;
  }
}

const reasons = new Map(Object.values(DRIVERS).map((create) => [create, impossible(create)]));

/** Why this host cannot run the driver, or false. */
export const unusable = (name: Driver["name"]): string | false => reasons.get(DRIVERS[name])!;

/** What a test of the suite gets: makes harnesses, which end with the test. */
export type Bench = (options?: Partial<DriverOptions>) => Harness;

type Run = (bench: Bench, t: TestContext) => void | Promise<void>;

/** Runs a group of tests once for each driver; those this host cannot run are skipped by name. */
export function overDrivers(
  title: string,
  declare: (driverTest: (title: string, run: Run) => void) => void,
): void {
  for (const [name, create] of Object.entries(DRIVERS)) {
    describe(`${name}: ${title}`, { skip: reasons.get(create)! }, () => {
      declare((testTitle, run) => {
        test(testTitle, (t) => runOnce(create, run, t));
      });
    });
  }
}

/** Runs a test and proves that its drivers leave no descriptor behind. */
async function runOnce(create: Create, run: Run, t: TestContext): Promise<void> {
  const before = openFds();
  const harnesses: Harness[] = [];
  try {
    await run((options) => {
      const harness = new Harness(create({ ...DEFAULTS, ...options }));
      harnesses.push(harness);
      return harness;
    }, t);
  } finally {
    for (const harness of harnesses) harness.end();
  }
  assert.equal(openFds(), before, "descriptors leak");
}
