import assert from "node:assert/strict";
import { readAnswer } from "#kit/answer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";

/** Request line and Host that the server gets. */
async function sent(bench: Bench, request: string, rules = ""): Promise<string> {
  const { server, client } = await bench.trio(rules && `, rules: [${rules}]`);
  client.write(request);
  const { head, peer } = await server.request();
  peer.write("HTTP/1.1 204 No Content\r\n\r\n");
  await readAnswer(client);
  const hosts = head.match(/^host:.*$/gim);
  assert.equal(hosts?.length, 1);
  return `${head.slice(0, head.indexOf(" HTTP/1.1"))} ${hosts![0].slice(6)}`.trimEnd();
}

async function status(bench: Bench, request: string, rules = ""): Promise<number> {
  const { server, client } = await bench.trio(rules && `, rules: [${rules}]`);
  client.write(request);
  const answer = await readAnswer(client);
  assert.equal(server.accepted, 0);
  return answer.status;
}

overProxies("targets", (proxyTest) => {
  proxyTest("absolute form goes on in origin form, its host as Host", async (bench) => {
    const table = [
      ["GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET /x?y a.test"],
      ["GET http://a.test:81 HTTP/1.1\r\nHost: a.test:81\r\n\r\n", "GET / a.test:81"],
      ["GET http://a.test?q HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET /?q a.test"],
      ["GET http://a.test/x HTTP/1.0\r\n\r\n", "GET /x a.test"],
      ["OPTIONS http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n", "OPTIONS * a.test"],
      ["OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", "OPTIONS * a.test"],
      ["GET /x HTTP/1.0\r\n\r\n", "GET /x"],
    ] as const;
    for (const [request, expected] of table) assert.equal(await sent(bench, request), expected);
  });

  proxyTest("a Host that contradicts the target is refused", async (bench) => {
    assert.equal(await status(bench, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), 400);
    assert.equal(await status(bench, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
    assert.equal(await status(bench, "GET / HTTP/1.1\r\n\r\n"), 400);
    assert.equal(await status(bench, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  });

  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const GUARD = "{ when: { pathPrefix: /admin }, deny: 403 }";

  proxyTest("without rules for paths, the path goes on as it came", async (bench) => {
    for (const path of ["/a/../b", "//x", "/%41?%41", "/a;b/..;/c", "/a%2fb"]) {
      assert.equal(await sent(bench, request(path)), `GET ${path} a`);
    }
  });

  proxyTest("no spelling leads past a rule", async (bench) => {
    const paths = ["/admin", "/admin/", "//admin", "/./admin", "/x/../admin", "/%61dmin/x"];
    const more = ["/x/..;/admin", "/x/%2e%2e/admin", "/x%2f..%2fadmin", "/admin/%2e/x", "/\\admin"];
    for (const path of [...paths, ...more.slice(0, 4), "/admin;a=b/x"]) {
      assert.equal(await status(bench, request(path), GUARD), 403, path);
    }
    assert.ok([400, 403].includes(await status(bench, request(more[4]!), GUARD)));
  });

  proxyTest("what a rule saw is what the server sees", async (bench) => {
    const table = [
      ["/plain/path?q=%2e", "/plain/path?q=%2e"],
      ["/admin/..%2fpublic", "/public"],
      ["/a/../public?q", "/public?q"],
      ["//public", "/public"],
      ["/p%75blic/a%20b", "/p%75blic/a%20b"],
      ["/public/%c3%a4", "/public/%c3%a4"],
    ] as const;
    for (const [path, seen] of table) {
      assert.equal(await sent(bench, request(path), GUARD), `GET ${seen} a`);
    }
  });

  proxyTest("so it is where another condition decided first", async (bench) => {
    const elsewhere = "{ when: { host: other, pathPrefix: /x }, deny: 403 }";
    assert.equal(await sent(bench, request("/a/../admin"), elsewhere), "GET /admin a");
    assert.equal(await sent(bench, request("/a%2fb"), elsewhere), "GET /a%2fb a");
  });

  proxyTest(
    "a broken encoding or an encoded NUL is refused, with rules and without",
    async (bench) => {
      for (const path of ["/%00", "/%zz", "/a%"]) {
        assert.equal(await status(bench, request(path), GUARD), 400, path);
        assert.equal(await status(bench, request(path)), 400, path);
      }
    },
  );
});
