import assert from "node:assert/strict";
import { it } from "node:test";
import { createStyle, printable, unstyled, wantsColor } from "./style.ts";
import { formatTable } from "./table.ts";

const columns = [{ title: "SERVER" }, { title: "REQ/S", align: "right" }] as const;

it("aligns columns by what is seen, not by the codes that colour it", () => {
  const plain = formatTable(columns, [
    ["a", "1"],
    ["longer-name", "12345"],
  ]);
  assert.equal(plain, "SERVER       REQ/S\na                1\nlonger-name  12345");
  const style = createStyle(true);
  const painted = formatTable(columns, [
    [style.red("a"), "1"],
    ["longer-name", style.bold("12345")],
  ]);
  assert.notEqual(painted, plain);
  assert.equal(unstyled(painted), plain);
});

it("paints on terminals only, and never against NO_COLOR", () => {
  assert.equal(wantsColor({ isTTY: true }, {}), true);
  assert.equal(wantsColor({}, {}), false);
  assert.equal(wantsColor({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(wantsColor({ isTTY: true }, { TERM: "dumb" }), false);
  assert.equal(createStyle(false).red("x"), "x");
});

it("takes the sting out of text from outside", () => {
  assert.equal(printable("a\u001b[2Jb\u009bc\u202ed"), "a·[2Jb·c·d");
});
