import { spawn } from "node:child_process";
import { join } from "node:path";

/**
 * `npm run check`: what must hold before a commit. One line each; the output only of what failed.
 */
const root = join(import.meta.dirname, "..");
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

const CHECKS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ["types", bin("tsc")],
  ["format and lint", bin("biome"), "ci", "--colors=off", "--diagnostic-level=warn", "."],
  ["house rules", process.execPath, ...process.execArgv, "--test", "test/house/*.test.ts"],
  ["dead code", bin("knip"), "--no-progress"],
];

/** What node:test prints of a test that passed. */
const PASSED = /^\s*[✔ℹ﹣].*\n/gm;

interface Outcome {
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output += chunk;
    };
    const end = (ok: boolean): void =>
      resolve({ ok, seconds: (performance.now() - startedAt) / 1000, output });
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      output += error.message;
      end(false);
    });
    child.on("close", (code) => end(code === 0));
  });
}

async function check(name: string, program: string, ...args: string[]): Promise<boolean> {
  const { ok, seconds, output } = await run(program, args);
  console.log(`${ok ? "✔" : "✖"} ${name} (${seconds.toFixed(1)} s)`);
  if (!ok) console.log(output.replaceAll(PASSED, "").trim().replaceAll(/^/gm, "    "));
  return ok;
}

const results = await Promise.all(CHECKS.map((row) => check(...row)));
process.exitCode = results.every(Boolean) ? 0 : 1;
