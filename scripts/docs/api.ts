import { sentence } from "#config/docs-tables.ts";
import { routes } from "#monitor/routes/index.ts";
import { GENERATED, table } from "./table.ts";

const INTRODUCTION = `# Admin API

${GENERATED}

Plain HTTP with JSON, on two doors:

- **The admin socket** (\`--socket\`), a Unix socket of mode 0660. It answers
  everything below; the \`weir\` commands use it and nothing else.
- **The status page's port** (\`monitor.bind\`, loopback only), which only shows: it answers GET and
  HEAD, to clients that ask by address or as \`localhost\`, and not to pages of other sites. It does not
  tell who is connected.

\`\`\`sh
curl --unix-socket /run/weir/admin.sock http://weir/api/v1/status
\`\`\`

A refusal is \`{"code": …, "message": …}\` with a code of [the table](errors.md) and the status that goes
with it: 400 for a wrong request, 403 for one that is not allowed here, 409 where a safety rule
stands in the way (\`"force": true\` overrides it for servers), 422 for a configuration with faults.
Bodies are JSON objects; keywords and values that are not known are refused.
`;

/** The page docs/api.md. */
export function apiDocs(): string {
  const rows = routes.map(({ method, path, summary }) => [
    `\`${method} ${path}\``,
    sentence(summary),
  ]);
  return [INTRODUCTION, table(["request", "what it does"], rows), ""].join("\n");
}
