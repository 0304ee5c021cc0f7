import { utf8 } from "#base/bytes.ts";
import { ERRNO, type SystemError } from "./errno-names.ts";
import { attributesOf, Netlink, NetlinkBody } from "./netlink.ts";

/*
 * What drivers can do with XDP (generic netlink, family "netdev": Documentation/netlink/specs).
 * Linux tells it since 6.3.
 */

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;
const HEADER_BYTES = 4;

const BASIC = 1;
const REDIRECT = 2;
const NDO_XMIT = 4;

export interface XdpFeatures {
  /** Its driver runs programs. */
  readonly runs: boolean;
  /** Frames that come in by it may go out by others. */
  readonly redirects: boolean;
  /** Frames that came in by others may go out by it, as it is now. */
  readonly sends: boolean;
}

/** Asks for it. It belongs to the network namespace of the thread that made it. */
export class Netdev {
  readonly #netlink = new Netlink(NETLINK_GENERIC);
  #family: number | undefined;

  /** Throws a SystemError, and an Error on kernels that do not tell. */
  xdpFeatures(ifindex: number): XdpFeatures {
    this.#family ??= this.#findFamily();
    const attempt = `XDP features of interface ${ifindex}`;
    const body = new NetlinkBody()
      .raw(header(NETDEV_CMD_DEV_GET))
      .u32(NETDEV_A_DEV_IFINDEX, ifindex);
    const [answer] = this.#netlink.request(attempt, this.#family, 0, body.bytes);
    const bits = attributesOf(answer!.body.subarray(HEADER_BYTES)).get(NETDEV_A_DEV_XDP_FEATURES)!;
    return {
      runs: (bits[0]! & BASIC) !== 0,
      redirects: (bits[0]! & REDIRECT) !== 0,
      sends: (bits[0]! & NDO_XMIT) !== 0,
    };
  }

  close(): void {
    this.#netlink.close();
  }

  #findFamily(): number {
    const body = new NetlinkBody()
      .raw(header(CTRL_CMD_GETFAMILY))
      .attribute(CTRL_ATTR_FAMILY_NAME, utf8("netdev\0"));
    try {
      const [answer] = this.#netlink.request("find netdev", GENL_ID_CTRL, 0, body.bytes);
      const id = attributesOf(answer!.body.subarray(HEADER_BYTES)).get(CTRL_ATTR_FAMILY_ID)!;
      return new DataView(id.buffer, id.byteOffset).getUint16(0, true);
    } catch (error) {
      if ((error as SystemError).errno !== ERRNO.ENOENT) throw error;
      const text = "this kernel does not say what drivers can do with XDP: Linux 6.3 is the first";
      throw new Error(text, { cause: error });
    }
  }
}

/** struct genlmsghdr: a command, and the version of its family. */
const header = (command: number): Uint8Array => Uint8Array.of(command, 1, 0, 0);
