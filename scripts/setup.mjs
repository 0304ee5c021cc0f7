// Plain JavaScript for any Node from 20 on: it runs before Node 26 is there.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const NODE_MAJOR = 26;
const NODE_PACKAGE = join(ROOT, "node_modules", "node");
const NODE = join(NODE_PACKAGE, "bin", "node");
const STAMP = join(ROOT, "node_modules", ".weir-setup");

/**
 * Flags every process of ours is started with: USR1 means a graceful stop, not a debugger, and a
 * regular expression that backtracks without end goes on in linear time.
 */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--disable-sigusr1",
  "--enable-experimental-regexp-engine-on-excessive-backtracks",
];

export class SetupError extends Error {}

export const say = (text) => process.stderr.write(`weir: ${text}\n`);

/**
 * Installs what package-lock.json asks for, Node 26 among it, unless that was done before. Returns
 * the path of Node 26. Throws a SetupError that says what to do.
 */
export async function setUp() {
  const wanted = wantedStamp();
  if (existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted) return NODE;
  await installPackages();
  if (majorOf(NODE) < NODE_MAJOR) await installNode();
  const major = majorOf(NODE);
  if (major < NODE_MAJOR) {
    throw new SetupError(
      `Node ${NODE_MAJOR} did not install (${NODE} ${major ? `is Node ${major}` : "does not run"}).\n` +
        "It comes from the npm registry as the package 'node', which installs\n" +
        `'node-${process.platform}-${process.arch}' in turn: is the registry reachable, and are npm's\n` +
        "install scripts allowed (npm config get ignore-scripts)?",
    );
  }
  writeFileSync(STAMP, wanted);
  return NODE;
}

/**
 * Changes whenever an install is due: other dependencies, or a checkout moved to another machine.
 */
function wantedStamp() {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  return `${process.platform}-${process.arch} ${createHash("sha256").update(lock).digest("hex")}\n`;
}

async function installPackages() {
  say("installing Node 26 and the packages it runs with (npm ci) …");
  const ci = await npm(["ci"]);
  if (ci.status === 0) return;
  say("npm ci refused the lock file; trying npm install --no-save …");
  const install = await npm(["install", "--no-save"]);
  if (install.status === 0) return;
  throw new SetupError(`npm could not install the packages:\n${ci.output}\n${install.output}`);
}

/** Runs the script of the package 'node' that npm skips where install scripts are switched off. */
async function installNode() {
  say("fetching Node 26 …");
  const script = "installArchSpecificPackage";
  if (!existsSync(join(NODE_PACKAGE, `${script}.js`))) return;
  await run(process.execPath, [script], NODE_PACKAGE);
}

/** Major version of the Node at `path`; 0 when it does not run. */
function majorOf(path) {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return Number(/^v(\d+)\./.exec(stdout ?? "")?.[1] ?? 0);
}

/** npm as the one that started us, or else the one in PATH. */
function npm(args) {
  const script = process.env.npm_execpath;
  const own = script?.endsWith(".js") || script?.endsWith(".cjs");
  return own ? run(process.execPath, [script, ...args], ROOT) : run("npm", args, ROOT);
}

/** Runs a program quietly; its output is for the message when it fails. */
function run(program, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const startedAt = Date.now();
    const ticker = setInterval(
      () => say(`… ${Math.round((Date.now() - startedAt) / 1000)} s, still at it`),
      15_000,
    );
    const done = (status) => {
      clearInterval(ticker);
      resolve({ status, output: output.trim() });
    };
    child.on("error", (error) => {
      output += `${program}: ${error.message}`;
      done(1);
    });
    child.on("close", (code) => done(code ?? 1));
  });
}
