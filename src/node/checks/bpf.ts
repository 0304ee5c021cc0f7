import { check, type Finding, problem, warning } from "../check.ts";

/** The director's loops need bpf_for_each_map_elem; hooks of a real server are at cgroups. */
const OLDEST = { director: [5, 13], node: [5, 8] } as const;
/** What is recommended instead: long-term kernels. */
const WANTED = { director: "5.15", node: "5.10" } as const;

export const bpf = check({
  name: "bpf",
  of: "both",
  summary: "the kernel takes our programs",
  look: ({ kernel, bpfRefusal, hasTcx, node, director }) => {
    if (!director && !node?.tunnel && !node?.told) return [];
    const found: Finding[] = [];
    const [major, minor] = kernel;
    const part = director ? "director" : "node";
    const [least, leastMinor] = OLDEST[part];
    if (major < least || (major === least && minor < leastMinor)) {
      const text = `Linux ${kernel.join(".")} is too old for our programs`;
      found.push(problem(text, `a kernel from ${WANTED[part]} on, better 6.6`));
    }
    if (bpfRefusal !== undefined) {
      found.push(problem(bpfRefusal, "run as root, or with those capabilities"));
    } else if (!hasTcx) {
      found.push(
        warning(
          `Linux ${kernel.join(".")} has no tcx: programs are filters of clsact, which tc can delete`,
          "a kernel from 6.6 on",
        ),
      );
    }
    return found;
  },
});
