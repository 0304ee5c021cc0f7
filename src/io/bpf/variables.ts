import type { DataSection } from "./object.ts";

/** A number for an integer variable, or the variable's bytes. */
export type VariableValue = Uint8Array | number | bigint;

/**
 * What each section of global variables begins with, by its name: as compiled, but for constants
 * that get other values. Throws an Error for a name that is no constant or a value that does not
 * fit.
 */
export function initialData(
  sections: readonly DataSection[],
  constants: Readonly<Record<string, VariableValue>>,
): Map<string, Uint8Array> {
  const values = new Map(sections.map(({ name, bytes }) => [name, Uint8Array.from(bytes)]));
  for (const [name, value] of Object.entries(constants)) {
    const section = sections.find(
      ({ readOnly, variables }) => readOnly && variables.some((variable) => variable.name === name),
    );
    if (section === undefined) throw new Error(`the object has no constant ${name}`);
    const { offset, bytes } = section.variables.find((variable) => variable.name === name)!;
    values.get(section.name)!.set(bytesOf(name, value, bytes), offset);
  }
  return values;
}

function bytesOf(name: string, value: VariableValue, bytes: number): Uint8Array {
  if (value instanceof Uint8Array) {
    if (value.length !== bytes) throw new Error(`${name} has ${bytes} bytes, not ${value.length}`);
    return value;
  }
  const number = BigInt(value);
  const bits = bytes * 8;
  if (![1, 2, 4, 8].includes(bytes)) throw new Error(`${name} is no number: it has ${bytes} bytes`);
  if (number !== BigInt.asIntN(bits, number) && number !== BigInt.asUintN(bits, number)) {
    throw new Error(`${name}: ${value} does not fit ${bytes} bytes`);
  }
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, number), true);
  return out.subarray(0, bytes);
}
