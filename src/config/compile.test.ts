import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Slots } from "#plan/slots.ts";
import { createSlots } from "./compile/plan.ts";
import { compileConfig } from "./compile.ts";

const compile = (text: string, context = {}) => compileConfig([{ file: "f", text }], context);

const config = (servers: readonly string[]): string => `
frontends: { web: { bind: ":80", default: web } }
backends: { web: { servers: { ${servers.map((s, i) => `${s}: 10.0.0.${i}:80`).join(", ")} } } }
`;

describe("slots of the Board", () => {
  const limits = { frontends: 4, backends: 4, servers: 3, services: 2 };

  it("are kept from one Plan to the next; new ones are added", () => {
    const slots = createSlots(limits);
    compile(config(["a", "b"]), { slots });
    const { plan } = compile(config(["c", "b"]), { slots });
    assert.deepEqual(
      plan?.backends[0]?.servers.map((s) => [s.name, s.slot]),
      [
        ["c", 2],
        ["b", 1],
      ],
    );
  });

  it("do not change when the configuration is refused", () => {
    const slots = createSlots(limits);
    compile(config(["a", "b"]), { slots });
    const before = slots.servers.entries();
    assert.equal(compile(config(["x", "y", "-z"]), { slots }).plan, undefined);
    assert.equal(compile(config(["x", "y"]), { slots }).plan, undefined, "no room for both");
    assert.deepEqual(slots.servers.entries(), before);
    assert.equal(slots.servers.settled, true);
  });

  it("that are not enough are a fault which says so", () => {
    const slots = { ...createSlots(limits), servers: new Slots(1) };
    const { faults } = compile(config(["a", "b"]), { slots });
    assert.deepEqual(
      faults.map((f) => `${f.path}: ${f.message}`),
      ["servers: the running engine has no room for that many servers"],
    );
  });
});

describe("compiling", () => {
  it("gives a Plan that crosses threads", () => {
    const { plan } = compile(config(["a"]));
    assert.deepEqual(structuredClone(plan), plan);
  });

  it("takes the context's generation, processors and socket", () => {
    const { plan } = compile(config(["a"]), { generation: 7, cpus: 6, adminSocket: "/tmp/s" });
    assert.equal(plan?.generation, 7);
    assert.equal(plan?.engine.threads, 6);
    assert.equal(plan?.monitor.admin, "/tmp/s");
  });

  it("gives no model beside a fault", () => {
    const { plan, model } = compile("frontends: {}\nnonsense: 1");
    assert.equal(plan, undefined);
    assert.equal(model, undefined);
  });

  it("never throws on YAML of any shape in our words, and says why there is no Plan", () => {
    const word = fc.constantFrom(
      ...["engine", "defaults", "log", "monitor", "frontends", "backends", "web", "bind", "rules"],
      ...["default", "servers", "balance", "check", "type", "http", "tcp", "use", "when", "not"],
      ...["cookie", "timeouts", "address", "127.0.0.1:80", ":80", "5s", "off", "1", "-1", "x-a"],
      ...["services", "director", "interfaces", "mark", "method", "nat", "fullnat", "backend"],
      ...["protocol", "udp", "onePacket", "tunnel", "10.0.0.1:*", "10.0.0.1:70-90", "[::1]:80"],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of our YAML
      ...["random", "draws", "agent", "errorPages", "503", "path", "/a", "mode", "${A:-b}", "<<"],
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "medium", withCrossShrink: true },
        word,
        fc.constantFrom(null, true, 0, 80, ""),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(word, tie("value"), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(word, value), (document) => {
        const { plan, faults } = compile(JSON.stringify(document));
        assert.equal(
          plan === undefined,
          faults.some((f) => f.severity === "error"),
        );
      }),
      { numRuns: 500 },
    );
  });
});
