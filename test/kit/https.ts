import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inNetns, runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";

/* A server of HTTPS that answers with its name. */

const SERVER = `
const [, name, port, key, cert] = process.argv;
require("node:https")
  .createServer({ key, cert }, (_, answer) => answer.end(name + "\\n"))
  .listen(Number(port), () => console.log("listening"));
`;

/** Starts one in a namespace, with a certificate of its own; it is gone when the owner ends. */
export async function startHttps(
  owner: Owner,
  netns: string,
  name: string,
  port: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "weir-https-"));
  owner.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, "key"), join(folder, "cert")];
  runProgram(
    ...(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"] as const),
    ...["ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`],
    ...["-keyout", key, "-out", cert],
  );
  const given = [name, String(port), readFileSync(key, "utf8"), readFileSync(cert, "utf8")];
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", SERVER];
  const child = spawn(program!, [...words, "--", ...given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
}
