// The one barrel besides the registries: a declaration names many kinds of field.
export { address, ip, network } from "./addresses.ts";
export {
  type Chosen,
  type ChosenBeside,
  choose,
  chosenByDefault,
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
  group,
  inheritFields,
  pathTo,
  readEntries,
  readFields,
  section,
} from "./maps.ts";
export { refine } from "./refine.ts";
export { scalar } from "./scalar.ts";
export { bool, int, oneOf, pattern, text } from "./scalars.ts";
export {
  type Dict,
  type Entry,
  type Fault,
  type Place,
  Report,
  type Scalar,
  scalarText,
  type Tree,
} from "./tree.ts";
export {
  duration,
  formatSize,
  percent,
  size,
} from "./units.ts";
