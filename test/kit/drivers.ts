import { describe, type TestContext, test } from "node:test";
import type { Driver, DriverOptions } from "#io/driver.ts";
import { createEpollDriver } from "#io/epoll.ts";
import { createUringDriver } from "#io/uring.ts";
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

/** What a test of the suite gets: makes harnesses, which end with the test. */
export type Bench = (options?: Partial<DriverOptions>) => Harness;

/** Declares one test for each driver. */
export type DriverTest = (title: string, run: (bench: Bench, t: TestContext) => void) => void;

/** Runs a group of tests once for each driver; those this host cannot run are skipped by name. */
export function overDrivers(title: string, declare: (driverTest: DriverTest) => void): void {
  for (const [name, create] of Object.entries(DRIVERS)) {
    describe(`${name}: ${title}`, { skip: reasons.get(create)! }, () => {
      declare((testTitle, run) => {
        test(testTitle, (t) => {
          const harnesses: Harness[] = [];
          const bench: Bench = (options) => {
            const harness = new Harness(() => create({ ...DEFAULTS, ...options }));
            harnesses.push(harness);
            return harness;
          };
          try {
            run(bench, t);
          } finally {
            for (const harness of harnesses.reverse()) harness.end();
          }
        });
      });
    });
  }
}
