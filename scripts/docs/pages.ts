import { configurationDocs } from "#config/docs.ts";
import { apiDocs } from "./api.ts";
import { cliDocs } from "./cli.ts";
import { errorsDocs } from "./errors.ts";
import { metricsDocs } from "./metrics.ts";
import { readmeText } from "./readme.ts";

/** The pages that derive from declarations, whole or in part, and how each is written. */
export const PAGES: readonly (readonly [path: string, text: () => string])[] = [
  ["README.md", readmeText],
  ["docs/api.md", apiDocs],
  ["docs/cli.md", cliDocs],
  ["docs/configuration.md", configurationDocs],
  ["docs/errors.md", errorsDocs],
  ["docs/metrics.md", metricsDocs],
];
