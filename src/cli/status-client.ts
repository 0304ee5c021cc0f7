import type { StatusDocument } from "#monitor/document.ts";
import { askJson } from "./client.ts";

/** What the weir behind an admin socket says of itself. */
export const fetchStatus = async (socket: string): Promise<StatusDocument> =>
  (await askJson(socket, "/api/v1/status")) as StatusDocument;
