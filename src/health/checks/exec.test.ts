import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "#base/address.ts";
import type { ProgramOptions, ProgramResult } from "#io/program.ts";
import { SimClock } from "#kit/sim-clock.ts";
import type { CheckResult } from "../check.ts";
import { exec } from "./exec.ts";

const ENDED: ProgramResult = {
  status: 0,
  timeout: false,
  local: false,
  failure: undefined,
  output: "",
};

function played(
  ended: Partial<ProgramResult>,
  address: Address = { kind: "inet", host: "10.0.0.1", port: 80 },
): { result: CheckResult; ran: ProgramOptions } {
  let result: CheckResult | undefined;
  let ran: ProgramOptions | undefined;
  exec.start(
    { address, backend: "web", server: "a" },
    { program: "/bin/check", args: ["-x", "$HOME"] },
    {
      timers: new SimClock(),
      timeoutMs: 1500,
      dial: () => assert.fail("makes no connection"),
      datagram: () => assert.fail("sends no datagram"),
      ping: () => assert.fail("sends no echo request"),
      run: (path, options, done) => {
        assert.equal(path, "/bin/check");
        ran = options;
        done({ ...ENDED, ...ended });
        return () => {};
      },
    },
    (r) => {
      result = r;
    },
  );
  return { result: result!, ran: ran! };
}

test("the program learns whom it is about, and nothing else of us", () => {
  const { ran } = played({});
  assert.deepEqual(ran.args, ["-x", "$HOME"], "no shell takes them apart");
  assert.equal(ran.timeoutMs, 1500);
  const { PATH, ...env } = ran.env;
  assert.ok(PATH!.includes("/usr/bin"));
  assert.deepEqual(env, {
    WEIR_SERVER_ADDRESS: "10.0.0.1",
    WEIR_SERVER_PORT: "80",
    WEIR_SERVER_NAME: "a",
    WEIR_BACKEND_NAME: "web",
  });
  const unix = played({}, { kind: "unix", path: "/run/a.sock" }).ran.env;
  assert.deepEqual([unix["WEIR_SERVER_ADDRESS"], unix["WEIR_SERVER_PORT"]], ["/run/a.sock", ""]);
});

test("its exit and the first line it says are the result", () => {
  const table: [Partial<ProgramResult>, [boolean, string, string]][] = [
    [{}, [true, "PROCOK", "exit status 0"]],
    [{ output: "fine, 3 users\nmore\n" }, [true, "PROCOK", "fine, 3 users"]],
    [{ status: 2, output: "disk\x07 full\n" }, [false, "PROCERR", "exit status 2: disk. full"]],
    [
      { status: undefined, timeout: true, failure: "it did not end in time" },
      [false, "PROCTOUT", "it did not end in time"],
    ],
    [
      { status: undefined, failure: "it was ended by SIGSEGV" },
      [false, "PROCERR", "it was ended by SIGSEGV"],
    ],
    [
      { status: undefined, local: true, failure: "too many open files" },
      [false, "SOCKERR", "too many open files"],
    ],
  ];
  for (const [ended, expected] of table) {
    const { ok, code, detail } = played(ended).result;
    assert.deepEqual([ok, code, detail], expected);
  }
});
