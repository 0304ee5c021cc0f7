import type { Imported, Importer, ImportOptions } from "../importer.ts";
import { composeDocument } from "../ipvsadm/compose.ts";
import { Faults } from "../ipvsadm/faults.ts";
import { parseOptions } from "../ipvsadm/options.ts";
import { RuleSet } from "../ipvsadm/rule-set.ts";
import { splitLines } from "../ipvsadm/words.ts";

export const ipvsadm: Importer = {
  name: "ipvsadm",
  summary:
    "rules as `ipvsadm -S` writes them, or lines of a script that calls ipvsadm; `net.ipv4.vs.…` of sysctl.conf",
  read(text: string, options: ImportOptions): Imported {
    const faults = new Faults();
    const rules = new RuleSet(faults);
    for (const { line, words } of splitLines(text, faults)) {
      faults.line = line;
      if ("value" in words) {
        rules.set(words);
        continue;
      }
      const call = parseOptions(words);
      if (typeof call === "string") faults.error(call);
      else rules.apply(call);
    }
    return { document: composeDocument(rules, options, faults), faults: faults.inOrder() };
  },
};
