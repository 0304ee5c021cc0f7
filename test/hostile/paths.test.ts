/**
 * Paths that mean one thing to a rule and another to a server: whatever a client writes, a server
 * that reads it in any usual way never arrives below a path that a rule denies.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { RawClient } from "#kit/raw-client.ts";
import { Recorder } from "#kit/recorder.ts";
import { startWeir } from "#kit/weir.ts";

const RUNS = 400;

const decoded = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );

/** Dot segments taken out as RFC 3986 §5.2.4 does. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/").slice(1)) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

const slashes = (path: string): string => path.replaceAll("\\", "/");
const merged = (path: string): string => path.replace(/\/+/g, "/");
const bare = (path: string): string => path.replace(/;[^/]*/g, "");

/** How servers read a path before they look it up. Each is somebody's default. */
const READINGS: Readonly<Record<string, (path: string) => string>> = {
  "as it is": (path) => path,
  "decoded (WSGI, CGI)": decoded,
  "dots, then decoded": (path) => decoded(withoutDots(path)),
  "decoded, then dots (Apache, nginx)": (path) => withoutDots(merged(decoded(path))),
  "without parameters, decoded, dots (Tomcat, Jetty)": (path) =>
    withoutDots(merged(decoded(bare(path)))),
  "decoded, without parameters, dots": (path) => withoutDots(merged(bare(decoded(path)))),
  "backslashes too (IIS)": (path) => withoutDots(merged(slashes(decoded(bare(path))))),
};

const isDenied = (path: string): boolean => path === "/admin" || path.startsWith("/admin/");

const TRICKS = [
  "/admin",
  "/admin/",
  "/admin/users",
  "/admin?x=/public",
  "//admin",
  "///admin//x",
  "/./admin",
  "/a/../admin",
  "/a/..//admin",
  "/a/b/../../admin",
  "/../admin",
  "/a/../../../admin",
  "/a/..;/admin",
  "/a/..;x=y/admin",
  "/;/admin",
  "/;x/admin",
  "/admin;x",
  "/admin;x/users",
  "/%61dmin",
  "/%61%64%6d%69%6e",
  "/%2561dmin/../admin",
  "/a/%2e%2e/admin",
  "/a/%2E%2e/admin",
  "/a/.%2e/admin",
  "/a/%2e./admin",
  "/%2e/admin",
  "/%2fadmin",
  "/%2F%2fadmin",
  "/a%2f..%2fadmin",
  "/a/..%2fadmin",
  "/a/..%5cadmin",
  "/a%5c..%5cadmin",
  "/%5cadmin",
  "/admin%2fusers",
  "/admin%5cusers",
  "/admin%3bx/users",
  "/a/..%3b/admin",
  "/a/%2e%2e%3bx/admin",
  "/admin/.",
  "/admin/./users",
  "/admin//users",
  "/admin/x/..",
  "/public/../admin/../admin/x",
  "http://a.example/a/../admin",
  "http://a.example//admin",
  "http://A.EXAMPLE/%61dmin",
];

/** Not below /admin in any reading: rules must not be stricter than they say. */
const FREE = [
  "/",
  "/adminx",
  "/a/admin",
  "/admin/../public",
  "/a%20b",
  "/ADMIN",
  "/a;b/c",
  "/%C3%A4",
];

const GUARD = "rules: [{ when: { pathPrefix: /admin }, deny: 403 }]";

async function world(t: TestContext, rules = GUARD) {
  const server = new Recorder();
  const port = await server.start();
  t.after(() => server.stop());
  const weir = await startWeir(
    t,
    (g) => `
log: none
frontends:
  web:
    bind: "127.0.0.1:${g.port("web")}"
    ${rules}
    default: app
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
  );
  let client = await RawClient.connect(t, weir.port());
  /** The answer's status, and the path the server was asked for, if it was. */
  return async (target: string): Promise<{ status: number; reached: string | undefined }> => {
    if (client.ended !== "open") client = await RawClient.connect(t, weir.port());
    client.text = "";
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    const [answer] = await client.answers(1);
    if (answer?.head.keepAlive === false) {
      await client.closed();
      client.destroy();
    }
    const { requests, faults } = server.take();
    assert.deepEqual(faults, []);
    assert.ok(requests.length <= 1);
    return { status: answer!.head.status, reached: requests[0]?.head.target };
  };
}

/** Where no rule looks at the path, or one decides before it: the same things are refused. */
const BROKEN = ["/%", "/%z", "/%4", "/%zz", "/a%/b", "/%%341", "/%00", "/a%00.html", "/a/%00/../b"];

test("a broken encoding and an encoded NUL are refused without any rule", async (t) => {
  const ask = await world(t, "");
  for (const target of [...BROKEN, ...BROKEN.map((path) => `http://a.example${path}`)]) {
    assert.deepEqual(await ask(target), { status: 400, reached: undefined }, target);
  }
  for (const target of ["/?%", "/?%00", "/?a=/%zz", "/a/../b", "//b", "/%25zz", "/%7f"]) {
    assert.deepEqual(await ask(target), { status: 200, reached: target }, target);
  }
});

test("a path goes on by what rules see, although the host decided before", async (t) => {
  const ask = await world(t, "rules: [{ when: { host: b.example, path: /admin }, deny: 403 }]");
  for (const target of BROKEN) assert.equal((await ask(target)).status, 400, target);
  for (const [target, reached] of [
    ["/a/../admin", "/admin"],
    ["//admin?//", "/admin?//"],
    ["/a/..;/admin", "/admin"],
    ["/a/..%2fadmin", "/admin"],
    ["/%61dmin", "/%61dmin"],
    ["/a%2fb", "/a%2fb"],
  ] as const) {
    assert.deepEqual(await ask(target), { status: 200, reached }, target);
  }
});

/** In no reading does what reached the server lie below what is denied. */
function checkReached(target: string, reached: string): void {
  const path = reached.replace(/\?.*/, "");
  for (const [reading, read] of Object.entries(READINGS)) {
    assert.equal(isDenied(read(path)), false, `${target} came as ${reached}; ${reading}`);
  }
}

test("known tricks are denied or refused", async (t) => {
  const ask = await world(t);
  for (const target of TRICKS) {
    await t.test(target, async () => {
      const { status, reached } = await ask(target);
      assert.equal(reached, undefined);
      assert.ok(status === 403 || status === 400, `${status}`);
    });
  }
});

test("other paths pass", async (t) => {
  const ask = await world(t);
  for (const target of FREE) {
    await t.test(target, async () => {
      const { status, reached } = await ask(target);
      assert.equal(status, 200);
      checkReached(target, reached!);
    });
  }
});

const piece = fc.constantFrom(
  ..."/ // . .. ... ;x ; %2e %2E%2e .%2e %2f %2F %5c %3b %3B %25 %00 %0a a admin Admin %61dmin adm%69n".split(
    " ",
  ),
  "/admin",
  "/../",
  "\\",
  "%zz",
  "public",
);

test(`${RUNS} paths put together at random`, async (t) => {
  const ask = await world(t);
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
      const target = `/${pieces.join("")}`;
      const { status, reached } = await ask(target);
      if (reached === undefined) assert.ok(status === 403 || status === 400, `${status}`);
      else {
        passed++;
        checkReached(target, reached);
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  assert.ok(passed > RUNS / 20, `${passed} reached the server`);
});
