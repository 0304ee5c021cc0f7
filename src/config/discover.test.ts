import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { discoverConfig } from "./discover.ts";

/** A disk with these files and directories. */
const diskWith = (files: readonly string[], directories: Record<string, string[]> = {}) => ({
  exists: (path: string) => files.includes(path),
  list: (path: string) => directories[path],
});
const nothing = diskWith([]);

describe("which files are the configuration", () => {
  it("those named, as they are named", () => {
    assert.deepEqual(discoverConfig(["a.yaml", "/b.ts"], {}, "/x", nothing), ["a.yaml", "/b.ts"]);
  });

  it("a directory stands for its *.yaml in the order of their names", () => {
    const disk = diskWith([], { "/x/conf": ["b.yaml", "a.yml", ".c.yaml", "d.txt", "a.yaml~"] });
    assert.deepEqual(discoverConfig(["conf", "z.yaml"], {}, "/x", disk), [
      "conf/a.yml",
      "conf/b.yaml",
      "z.yaml",
    ]);
    const empty = diskWith([], { "/x/conf": [] });
    assert.throws(() => discoverConfig(["conf"], {}, "/x", empty), /no \*\.yaml/);
  });

  it("WEIR_CONFIG where nothing is named", () => {
    const env = { WEIR_CONFIG: "a.yaml:/etc/b.yaml" };
    assert.deepEqual(discoverConfig([], env, "/x", nothing), ["a.yaml", "/etc/b.yaml"]);
    assert.deepEqual(discoverConfig(["n"], env, "/x", nothing), ["n"]);
  });

  it("else the first usual place", () => {
    const here = diskWith(["/x/weir.config.ts", "/etc/weir/weir.yaml"]);
    assert.deepEqual(discoverConfig([], {}, "/x", here), ["weir.config.ts"]);
    const there = diskWith(["/etc/weir/weir.yaml"], { "/etc/weir/conf.d": ["b.yaml", "a.yaml"] });
    assert.deepEqual(discoverConfig([], { WEIR_CONFIG: "" }, "/x", there), [
      "/etc/weir/weir.yaml",
      "/etc/weir/conf.d/a.yaml",
      "/etc/weir/conf.d/b.yaml",
    ]);
  });

  it("none at all is an error that says where it was looked for", () => {
    assert.throws(() => discoverConfig([], {}, "/x", nothing), {
      code: "CONFIG_INVALID",
      message: /none of weir\.yaml, weir\.config\.ts, \/etc\/weir\/weir\.yaml/,
    });
  });
});
