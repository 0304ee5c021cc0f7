import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { DirectorView, ServiceView } from "#control/api.ts";
import { directorProblem, tableProblem } from "#monitor/director-status.ts";
import { askJson } from "../client.ts";
import type { Context } from "../command.ts";
import { printable } from "../style.ts";
import { virtualsOf } from "./virtual.ts";

/** Layer 4 of the weir behind an admin socket; what keeps it from working is said besides. */
export async function fetchDirector(context: Context, socket: string): Promise<DirectorView> {
  const status = (await askJson(socket, "/api/v1/director")) as DirectorView;
  for (const text of [directorProblem(status), tableProblem(status)]) {
    if (text === "") continue;
    context.warn(`${context.warnStyle.yellow("warning:")} ${printable(text)}\n`);
  }
  return status;
}

/** The services of that name or address; all of them when none is named. */
export function chooseServices(
  services: readonly ServiceView[],
  wanted: string | undefined,
): readonly ServiceView[] {
  if (wanted === undefined) return services;
  const isMeant = (service: ServiceView): boolean =>
    service.name === wanted || virtualsOf(service).some(({ address }) => address === wanted);
  const chosen = services.filter(isMeant);
  if (chosen.length > 0) return chosen;
  const names = services.map(({ name }) => name);
  const near = nearest(wanted, names);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new WeirError("USAGE", `there is no service "${wanted}"${hint}`);
}
