import type { Driver, DriverOptions } from "./driver.ts";
import { createEpollDriver } from "./epoll.ts";
import { createUringDriver } from "./uring.ts";

/** `engine.driver`: a driver by name, or the best this host allows. */
export type WantedDriver = "auto" | Driver["name"];

export interface ChosenDriver {
  readonly driver: Driver;
  /** Why this one, for the log and the status page. */
  readonly reason: string;
}

/** How the drivers are made; tests pass their own. */
export interface DriverMakers {
  readonly uring: (options: DriverOptions) => Driver;
  readonly epoll: (options: DriverOptions) => Driver;
}

const MAKERS: DriverMakers = { uring: createUringDriver, epoll: createEpollDriver };

/**
 * Makes the driver that is wanted. `auto` takes io_uring and falls back to epoll where the kernel
 * or a container's filter keeps it from us; asked for by name, a driver that cannot be had is
 * thrown as an Error that says what is missing.
 */
export function chooseDriver(
  wanted: WantedDriver,
  options: DriverOptions,
  makers: DriverMakers = MAKERS,
): ChosenDriver {
  if (wanted === "epoll") {
    return { driver: makers.epoll(options), reason: "epoll, as configured" };
  }
  if (wanted === "io_uring") {
    return { driver: makers.uring(options), reason: "io_uring, as configured" };
  }
  let obstacle: string;
  try {
    return { driver: makers.uring(options), reason: "io_uring, which this host offers" };
  } catch (error) {
    obstacle = (error as Error).message;
  }
  return { driver: makers.epoll(options), reason: `epoll, because ${obstacle}` };
}
