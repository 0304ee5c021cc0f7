import {
  CAPABILITY,
  keepCapabilities,
  keepFromChildren,
  limitCapabilities,
} from "#io/capabilities.ts";
import type { Plan } from "#plan/plan.ts";
import { findAccount } from "./account.ts";

/**
 * Programs that checks run are to have no rights but their account's. And becomes another account
 * for good, with its groups, unless this process is not root's: of root's rights the control thread
 * then keeps those that the director needs, if there is one.
 */
export async function dropPrivileges({ engine, director }: Plan): Promise<void> {
  const { user } = engine;
  keepFromChildren();
  if (user === undefined || process.getuid!() !== 0) return;
  const { uid, gid } = findAccount(user);
  if (director) {
    const { prepareFolder } = await import("#director/folder.ts");
    prepareFolder(director.pins, uid, gid);
    keepCapabilities();
  }
  // @types/node does not know it.
  (process as unknown as { initgroups(user: string, group: number): void }).initgroups(user, gid);
  process.setgid!(gid);
  process.setuid!(uid);
  if (director) limitCapabilities(Object.values(CAPABILITY));
}
