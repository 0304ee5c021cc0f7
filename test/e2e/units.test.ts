import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { blocksOf } from "#kit/manual.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import { inPrivateRoot } from "#kit/private-root.ts";

/*
 * Units of packaging/, put where the pages say with the commands of the pages, as systemd reads
 * them. Nothing is started: that takes a machine that systemd runs.
 */

/** We are root as it is. */
const SUDO = `sudo() { "$@"; }`;
/** What can be said to a systemd that does not run. */
const isForFiles = (line: string): boolean => !/systemctl (?!enable)/.test(line);

/** The commands of a section's blocks that name units, without what needs a running systemd. */
function installing(page: string, section: string): string {
  const blocks = blocksOf(section, page).filter(
    ({ language, text }) => language === "sh" && text.includes("packaging/"),
  );
  assert.ok(blocks.length > 0, `${page}, ${section}`);
  const lines = blocks.flatMap(({ text }) => text.split("\n")).filter(isForFiles);
  return lines.join("\n").replaceAll("enable --now", "enable");
}

function run(...lines: readonly string[]) {
  const [program, ...words] = inPrivateRoot([SUDO, ...lines].join("\n"));
  const { status, stdout, stderr } = spawnSync(program!, words, { encoding: "utf8" });
  return { status, stdout, stderr: stderr.replace(/^Created symlink .*\n/gm, "") };
}

/** `file`: what is put there last. */
const DROP_IN = "weir.service.d/layer4.conf";
const SECTIONS = [
  { page: "layer-4.md", sections: ["From nothing"], unit: "weir", file: DROP_IN },
  {
    page: "operations.md",
    sections: ["As a service", "Rights for layer 4"],
    unit: "weir",
    file: DROP_IN,
  },
  { page: "node.md", sections: ["At boot"], unit: "weir-node", file: "weir-node.service" },
] as const;

describe("units of systemd", {
  skip: noNetns() || noProgram("systemd-analyze", "systemctl", "useradd"),
}, () => {
  for (const { page, sections, unit, file } of SECTIONS) {
    const commands = sections.map((section) => installing(page, section)).join("\n");
    const verify = `systemd-analyze verify ${unit}.service`;

    test(`${page}: installed, complete, and started at boot`, () => {
      const { status, stdout, stderr } = run(commands, verify, `systemctl is-enabled ${unit}`);
      assert.equal(stderr, "", "systemd has nothing to say against it");
      assert.equal(status, 0);
      assert.equal(stdout, "enabled\n");
    });

    test(`${page}: what is wrong would be seen`, () => {
      const spoil = `sed -i '/^\\[Service\\]/a Wrong=1' /etc/systemd/system/${file}`;
      assert.match(run(commands, spoil, verify).stderr, /Unknown key.* 'Wrong'/);
    });
  }
});
