import { formatIp, parseIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import type { ConnectionView, ControlApi } from "#control/api.ts";
import type { ConnectionsDocument } from "./document.ts";

/** Which of the director's connections are wanted. */
export interface ConnectionsQuery {
  readonly limit: number;
  /** Entries of the table that are looked at, if fewer suit. */
  readonly most: number;
  /** A service's name, or an address of one, with a port or without. */
  readonly service: string | undefined;
  readonly client: string | undefined;
  readonly onlyTemplates: boolean;
}

type Test = (connection: ConnectionView) => boolean;

/** Those that are wanted, in the table's order, or a sentence that says what is wrong. */
export function findConnections(
  api: ControlApi,
  { limit, most, service, client, onlyTemplates }: ConnectionsQuery,
): ConnectionsDocument | string {
  const tests: Test[] = [];
  if (service !== undefined) {
    const test = ofService(api, service) ?? atAddress(service);
    if (!test) return `there is no service ${JSON.stringify(service)}, and it is no address`;
    tests.push(test);
  }
  if (client !== undefined) {
    const wanted = addressOf(client);
    if (wanted === undefined) return `${JSON.stringify(client)} is no address`;
    tests.push((connection) => connection.client === wanted);
  }
  // One more than is wanted tells whether there are more.
  const looked = api.connections(tests.length > 0 ? most : limit + 1, onlyTemplates);
  const found = looked.filter((connection) => tests.every((test) => test(connection)));
  const isWhole = found.length <= limit && (tests.length === 0 || looked.length < most);
  return { connections: found.slice(0, limit), complete: isWhole };
}

/** A template of a service that has several ports. */
const isOfAllPorts = ({ template, servicePort }: ConnectionView): boolean =>
  template === true && servicePort === 0;

function addressOf(text: string): string | undefined {
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
}

function ofService(api: ControlApi, name: string): Test | undefined {
  const service = api.plan().services.find((one) => one.name === name);
  if (!service) return undefined;
  const protocols: readonly number[] = service.protocols.map((protocol) => PROTOCOL[protocol]);
  const isThere = (connection: ConnectionView): boolean =>
    protocols.includes(connection.protocol) &&
    service.binds.some(
      ({ host, firstPort, lastPort }) =>
        host === connection.service &&
        (isOfAllPorts(connection) ||
          (firstPort <= connection.servicePort && connection.servicePort <= lastPort)),
    );
  // Of one whose server is gone the addresses tell, if it is not of a mark.
  return (connection) =>
    connection.serviceName === name || (connection.serviceName === "" && isThere(connection));
}

function atAddress(text: string): Test | undefined {
  const m = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const host = addressOf(text) ?? addressOf(m?.[1] ?? m?.[2] ?? "");
  if (host === undefined) return undefined;
  const port = addressOf(text) === undefined && m?.[3] !== undefined ? Number(m[3]) : undefined;
  return (connection) =>
    connection.service === host &&
    (port === undefined || connection.servicePort === port || isOfAllPorts(connection));
}
