// node scripts/run.mjs COMMAND [arguments]: sets up what is missing, then runs it on Node 26.
// Plain JavaScript for any Node from 20 on, without a package.
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { installPrograms, ORACLE_PROGRAMS, PROGRAMS } from "./packages.mjs";
import { NODE_FLAGS, ROOT, SetupError, setUp } from "./setup.mjs";

const bin = (name) => join(ROOT, "node_modules", ".bin", name);

/** What each command runs: a program and its arguments. `node` is the path of Node 26. */
const COMMANDS = {
  setup: () => undefined,
  demo: (node, args) => [node, [...NODE_FLAGS, "bin/weir.ts", "demo", ...args]],
  test: (node, args) => {
    installPrograms();
    return [node, [...NODE_FLAGS, "--test", ...testArguments(args)]];
  },
  check: (node, args) => [node, [...NODE_FLAGS, "scripts/check.ts", ...args]],
  bench: (node, args) => {
    installPrograms();
    return [node, [...NODE_FLAGS, "bench/run.ts", ...args]];
  },
  bpf: (node, args) => {
    installPrograms();
    return [node, [...NODE_FLAGS, "scripts/bpf.ts", ...args]];
  },
  ipvs: (node, args) => inMachines(node, args, "test/ipvs/*-oracle.ts"),
  kernels: (node, args) => inMachines(node, args, "test/kernels/*-oracle.ts"),
  docs: (node, args) => [node, [...NODE_FLAGS, "scripts/docs.ts", ...args]],
  format: (_node, args) => [bin("biome"), ["check", "--write", ...(args.length ? args : ["."])]],
};

/** A test that takes longer hangs: it fails by name, and the others go on. */
const TEST_MS = 300_000;

/** Tests that need virtual machines. One takes a processor: one at a time. */
function inMachines(node, args, all) {
  installPrograms([...PROGRAMS, ...ORACLE_PROGRAMS]);
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const files = paths.length > 0 ? paths : [all];
  return [node, [...NODE_FLAGS, "--test", "--test-concurrency=1", ...options, ...files]];
}

/** Options as they are; folders as the tests in them; without either, every test there is. */
function testArguments(args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const isFolder = (path) => existsSync(path) && statSync(path).isDirectory();
  const tests = (paths.length ? paths : ["src", "test"]).map((path) =>
    isFolder(path) ? `${path.replace(/\/$/, "")}/**/*.test.ts` : path,
  );
  // Tests start processes of their own, so there are never more files at once than processors.
  return [
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${TEST_MS}`,
    ...options,
    ...tests,
  ];
}

/** As in bin/weir: compiled code is kept, so that processes start in a fraction of the time. */
const ENVIRONMENT = {
  NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "weir"),
  ...process.env,
};

/**
 * Ends as the program ends. Signals of a terminal reach it by themselves; the others we pass on.
 */
function become(program, args) {
  const child = spawn(program, args, { cwd: ROOT, stdio: "inherit", env: ENVIRONMENT });
  process.on("SIGINT", () => {});
  for (const name of ["SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(name, () => child.kill(name));
  child.on("error", (error) => fail(`${program}: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function fail(message) {
  process.stderr.write(`weir: ${message}\n`);
  process.exitCode = 1;
}

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  fail(`usage: node scripts/run.mjs ${Object.keys(COMMANDS).join("|")} [arguments]`);
  process.exitCode = 2;
} else {
  try {
    const started = command(await setUp(), args);
    if (started) become(...started);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    fail(error.message);
  }
}
