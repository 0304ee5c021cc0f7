import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { createNetns, noNetns, runInNetns, withNetns } from "#kit/netns.ts";
import { attributesOf, interfaceIndex, Netlink, NetlinkBody, NLM } from "./netlink.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFINFOMSG_BYTES = 16;

const link = (): NetlinkBody => new NetlinkBody().raw(new Uint8Array(IFINFOMSG_BYTES));
const textOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes).replace(/\0$/, "");

test("attributes are written and read, nested ones too; the body grows", () => {
  const body = new NetlinkBody().text(1, "abc").nest(2, (inner) => {
    inner.u32(7, 0xffff_fff1);
    inner.attribute(8, new Uint8Array(1000).fill(3));
  });
  const outer = attributesOf(body.bytes);
  assert.equal(textOf(outer.get(1)), "abc");
  const inner = attributesOf(outer.get(2)!);
  assert.deepEqual([...inner.get(7)!], [0xf1, 0xff, 0xff, 0xff]);
  assert.deepEqual([...new Set(inner.get(8)!)], [3]);
  assert.equal(body.bytes.length % 4, 0);
  assert.equal(attributesOf(Uint8Array.of(200, 0, 1, 0)).size, 0);
});

test("loopback has a number, others have none", () => {
  assert.ok(interfaceIndex("lo") > 0);
  assert.throws(() => interfaceIndex("weir-none"), {
    code: "ENODEV",
    message: /interface weir-none/,
  });
});

test("interfaces are listed: a dump comes in several answers", () => {
  const netlink = new Netlink();
  try {
    const answers = netlink.request("list", RTM_GETLINK, NLM.DUMP, link().bytes);
    const names = answers.map(({ type, body }) => {
      assert.equal(type, RTM_NEWLINK);
      return textOf(attributesOf(body.subarray(IFINFOMSG_BYTES)).get(IFLA_IFNAME));
    });
    assert.ok(names.includes("lo"));
  } finally {
    netlink.close();
  }
});

test("many questions are answered in their order, with an error where there is one", () => {
  const netlink = new Netlink();
  try {
    const lo = interfaceIndex("lo");
    const bodies = Array.from({ length: 100 }, (_, i) => {
      const body = new Uint8Array(IFINFOMSG_BYTES);
      new DataView(body.buffer).setInt32(4, i % 3 === 1 ? 1_000_000 + i : lo, true);
      return body;
    });
    const answers = netlink.ask("interfaces", RTM_GETLINK, bodies);
    assert.equal(answers.length, bodies.length);
    for (const [i, answer] of answers.entries()) {
      if (i % 3 === 1) assert.equal(answer, -constants.errno.ENODEV);
      else if (typeof answer === "number") assert.fail(`errno ${answer}`);
      else
        assert.equal(textOf(attributesOf(answer.subarray(IFINFOMSG_BYTES)).get(IFLA_IFNAME)), "lo");
    }
    assert.deepEqual(netlink.ask("nothing", RTM_GETLINK, []), []);
    assert.ok(netlink.request("list", RTM_GETLINK, NLM.DUMP, link().bytes).length > 0);
  } finally {
    netlink.close();
  }
});

test("an interface is made in the namespace of the socket", { skip: noNetns() }, (t) => {
  const netns = createNetns(t);
  const netlink = withNetns(netns, () => new Netlink());
  t.after(() => netlink.close());
  const make = (kind: string, name: string): void => {
    const body = link()
      .text(IFLA_IFNAME, name)
      .nest(IFLA_LINKINFO, (info) => {
        info.text(IFLA_INFO_KIND, kind);
      });
    netlink.request(`make ${kind}`, RTM_NEWLINK, NLM.CREATE | NLM.EXCL, body.bytes);
  };
  make("bridge", "made");
  assert.match(runInNetns(netns, "ip", "-br", "link"), /made/);
  assert.throws(() => interfaceIndex("made"), { code: "ENODEV" });
  assert.ok(withNetns(netns, () => interfaceIndex("made")) > 1);
  assert.throws(() => make("bridge", "made"), { code: "EEXIST", message: /make bridge/ });
  assert.throws(() => make("nonsense", "other"), {
    code: "ENOTSUP",
    message: /make nonsense \(Unknown device type\)/,
  });
});

test("work in a namespace comes home, also when it fails", { skip: noNetns() }, (t) => {
  const netns = createNetns(t);
  const here = interfaceIndex("lo");
  assert.throws(
    () =>
      withNetns(netns, () => {
        throw new Error("within");
      }),
    /within/,
  );
  assert.equal(interfaceIndex("lo"), here);
  assert.throws(() => withNetns("weir-none", () => 1), { code: "ENOENT" });
});
