import { fileURLToPath } from "node:url";
import { pinned, startService } from "../kit/service.ts";
import type { Contender } from "./contender.ts";

/** A reverse proxy as one writes it on node:http: a keep-alive Agent and two pipes. */
export const nodeHttp: Contender = {
  name: "node:http",
  version: () => `Node ${process.version}`,
  start(setup) {
    const program = fileURLToPath(new URL("./node-http-proxy.ts", import.meta.url));
    const log = `${setup.scratch}/node-access.log`;
    const command = [process.execPath, program, `${setup.port}`, `${setup.backendPort}`, log];
    return startService(pinned(setup.cpus, command), `${setup.scratch}/node.log`);
  },
};
