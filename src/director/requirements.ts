import { HELPER, PROGRAM_TYPE } from "#io/bpf/abi.ts";
import { bpfRefusal, kernelVersion, supportsHelper } from "#io/bpf/features.ts";

/** What the programs call and kernels before 5.15, the oldest that is supported, may not have. */
const NEEDED = [
  { name: "bpf_redirect_neigh", helper: HELPER.REDIRECT_NEIGH, since: "5.10" },
  { name: "bpf_ktime_get_coarse_ns", helper: HELPER.KTIME_GET_COARSE_NS, since: "5.11" },
  { name: "bpf_for_each_map_elem", helper: HELPER.FOR_EACH_MAP_ELEM, since: "5.13" },
] as const;

/** Why this process cannot have a director on this kernel, as a sentence; undefined when it can. */
export function directorRefusal(): string | undefined {
  const refusal = bpfRefusal();
  if (refusal !== undefined) return refusal;
  const { SCHED_CLS } = PROGRAM_TYPE;
  return explainLack((helper) => supportsHelper(SCHED_CLS, helper), kernelVersion());
}

/** The sentence for a kernel of that version with helpers that `has` knows. */
export function explainLack(
  has: (helper: number) => boolean,
  version: readonly number[],
): string | undefined {
  const lacking = NEEDED.filter(({ helper }) => !has(helper));
  if (lacking.length === 0) return undefined;
  const names = lacking.map(({ name, since }) => `${name} (Linux ${since})`).join(", ");
  return `Linux ${version.join(".")} is too old for the director, which needs 5.15 or later: it has no ${names}`;
}
