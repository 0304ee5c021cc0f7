// The one barrel besides the registries: a declaration names many kinds of field.
export {
  choose,
  type Choice,
  type Chosen,
  fallbacks,
  fieldsSchema,
  group,
  list,
  named,
  readFields,
} from "./composites.ts";
export type { Common, Field, Fields, Infer, InferFields, JsonSchema } from "./field.ts";
export { common } from "./field.ts";
export {
  address,
  bool,
  duration,
  formatDuration,
  formatSize,
  int,
  network,
  number,
  oneOf,
  pattern,
  percent,
  size,
  text,
} from "./scalars.ts";
export {
  describeTree,
  type Dict,
  type Entry,
  type Fault,
  type List,
  type Place,
  Report,
  type Scalar,
  type Tree,
} from "./tree.ts";
