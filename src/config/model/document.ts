import { group, type InferFields, inheritFields, int, named, section } from "#schema/index.ts";
import { backend, backendFields, backendShared } from "./backend.ts";
import { director } from "./director.ts";
import { engine } from "./engine.ts";
import { frontend, frontendFields, frontendShared } from "./frontend.ts";
import { log } from "./log.ts";
import { monitor } from "./monitor.ts";
import { services } from "./service.ts";
import { backendTimeoutFields, frontendTimeoutFields } from "./timeouts.ts";

export const defaultsFields = {
  ...frontendShared,
  ...backendShared,
  timeouts: section(
    { ...frontendTimeoutFields, ...backendTimeoutFields },
    { help: "Timeouts of frontends and backends" },
  ),
};
export type Defaults = InferFields<typeof defaultsFields>;

export const defaults = section(defaultsFields, {
  help: "What frontends and backends have that do not say otherwise",
});

const frontends = (element: typeof frontend) =>
  named(element, {
    help: "Where clients come in, by name",
    what: "frontends by name",
    fallback: new Map(),
  });

const backends = (element: typeof backend) =>
  named(element, {
    help: "Pools of servers, by name",
    what: "backends by name",
    fallback: new Map(),
  });

/** The whole language: every keyword of a configuration hangs below here. */
export const documentFields = {
  version: int({
    help: "Version of this language",
    min: 1,
    max: 1,
    fallback: 1,
  }),
  engine,
  log,
  monitor,
  defaults,
  frontends: frontends(frontend),
  backends: backends(backend),
  director,
  services,
};

/** A configuration as read: what was written, `defaults` and our own fallbacks in one. */
export type Model = InferFields<typeof documentFields>;

/** The same language, frontends and backends falling back to what `defaults` says. */
export function withDefaults(values: Defaults): typeof documentFields {
  const { timeouts, ...rest } = values;
  const pick = (fields: object) =>
    Object.fromEntries(Object.entries({ ...rest, timeouts }).filter(([k]) => k in fields));
  return {
    ...documentFields,
    frontends: frontends(
      group(inheritFields(frontendFields, pick(frontendShared)), { help: frontend.help }),
    ),
    backends: backends(
      group(inheritFields(backendFields, pick(backendShared)), { help: backend.help }),
    ),
  };
}
