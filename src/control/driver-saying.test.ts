import assert from "node:assert/strict";
import { test } from "node:test";
import { driverSayings } from "./driver-saying.ts";

const uring = { driver: "io_uring", reason: "io_uring, which this host offers" };
const epoll = { driver: "epoll", reason: "epoll, because io_uring_setup: EPERM" };

test("which driver runs, and why", () => {
  assert.deepEqual(driverSayings("auto", [uring, uring]), [
    { level: "info", text: "2 workers on io_uring, which this host offers" },
  ]);
  assert.deepEqual(driverSayings("epoll", [{ driver: "epoll", reason: "epoll, as configured" }]), [
    { level: "info", text: "1 worker on epoll, as configured" },
  ]);
});

test("auto that fell back is a warning, also when only some workers did", () => {
  assert.deepEqual(driverSayings("auto", [uring, epoll, uring]), [
    { level: "info", text: "2 workers on io_uring, which this host offers" },
    { level: "warning", text: "1 worker on epoll, because io_uring_setup: EPERM" },
  ]);
});
