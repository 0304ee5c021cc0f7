// The one barrel besides the registries: a declaration names many kinds of field.
export { address, network } from "./addresses.ts";
export {
  type Chosen,
  type ChosenBeside,
  choose,
  chosenByDefault,
  type NoFields,
} from "./choose.ts";
export { list, named } from "./collections.ts";
export {
  type Choice,
  type Common,
  common,
  type Field,
  type Fields,
  type Infer,
  type InferFields,
  type Input,
  type InputFields,
  type JsonSchema,
  optional,
  orOff,
} from "./field.ts";
export {
  expectMap,
  fallbacks,
  fieldsSchema,
  formatFields,
  group,
  inheritFields,
  keywordSchema,
  pathTo,
  readEntries,
  readFields,
  section,
  unknownKeyword,
} from "./maps.ts";
export { mapped, refine } from "./refine.ts";
export { type ScalarKind, scalar } from "./scalar.ts";
export { bool, int, number, oneOf, pattern, text } from "./scalars.ts";
export {
  type Dict,
  describeTree,
  type Entry,
  type Fault,
  type List,
  type Place,
  Report,
  type Scalar,
  scalarText,
  type Tree,
} from "./tree.ts";
export {
  type DurationText,
  duration,
  formatDuration,
  formatSize,
  percent,
  type SizeText,
  size,
} from "./units.ts";
