import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderFaults } from "./faults.ts";
import { formatConfig } from "./fmt.ts";
import { loadConfig } from "./load.ts";

const folder = join(import.meta.dirname, "../../docs/examples");
const names = readdirSync(folder).filter((name) => /\.(yaml|ts)$/.test(name));

describe("the examples", () => {
  for (const name of names) {
    it(`${name} is without fault`, async () => {
      const loaded = await loadConfig({ files: [name], cwd: folder, env: {} });
      assert.equal(renderFaults(loaded.faults, loaded), "");
    });

    if (!name.endsWith(".yaml")) continue;
    it(`${name} is laid out as weir fmt does it`, () => {
      const text = readFileSync(join(folder, name), "utf8");
      assert.equal(formatConfig(text), text);
    });
  }

  it("are some", () => assert.ok(names.length >= 4));
});
