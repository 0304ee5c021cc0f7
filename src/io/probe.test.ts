import assert from "node:assert/strict";
import { test } from "node:test";
import type { Driver } from "./driver.ts";
import { chooseDriver, type DriverMakers } from "./probe.ts";

const OPTIONS = { sockets: 8, pageBytes: 131_072, buffers: 4, bufferBytes: 4096 };

const fake = (name: Driver["name"]) => () => ({ name }) as Driver;
const makers: DriverMakers = { uring: fake("io_uring"), epoll: fake("epoll") };
const blocked: DriverMakers = {
  ...makers,
  uring: () => {
    throw new Error("io_uring_setup: EPERM");
  },
};

test("auto takes io_uring where it is to be had", () => {
  const { driver, reason } = chooseDriver("auto", OPTIONS, makers);
  assert.equal(driver.name, "io_uring");
  assert.match(reason, /io_uring/);
});

test("auto falls back to epoll and says why", () => {
  const { driver, reason } = chooseDriver("auto", OPTIONS, blocked);
  assert.equal(driver.name, "epoll");
  assert.match(reason, /epoll, because io_uring_setup: EPERM/);
});

test("a driver asked for by name is that one or an error", () => {
  assert.equal(chooseDriver("epoll", OPTIONS, makers).driver.name, "epoll");
  assert.equal(chooseDriver("io_uring", OPTIONS, makers).driver.name, "io_uring");
  assert.throws(() => chooseDriver("io_uring", OPTIONS, blocked), /EPERM/);
});

test("on this host auto gives a driver that works", () => {
  const { driver } = chooseDriver("auto", OPTIONS);
  assert.ok(driver.sockets >= 1);
  driver.destroy();
});
