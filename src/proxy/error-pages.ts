import { latin1, utf8 } from "#base/bytes.ts";
import { REASONS } from "#http/reason.ts";

/** An answer of our own: header lines up to Content-Length included, and the body. */
export interface ErrorPage {
  /** `HTTP/1.1 503 …` line, `Content-Type`, `Content-Length`, `Cache-Control`: CRLF-ended lines. */
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

/** Pages by status. */
export type ErrorPages = readonly (ErrorPage | undefined)[];

const STATUSES = [
  301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 408, 410, 413, 414, 421, 425, 429, 431, 451,
  500, 501, 502, 503, 504, 505,
];

function createPage(status: number, type: string, body: Uint8Array): ErrorPage {
  const head = latin1(
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${body.length}\r\nCache-Control: no-store\r\n`,
  );
  return { head, body };
}

function plain(status: number): ErrorPage {
  const words = `${status} ${REASONS[status] ?? "Status"}`;
  return createPage(
    status,
    "text/html; charset=utf-8",
    utf8(`<!doctype html><title>${words}</title><h1>${words}</h1>\n`),
  );
}

const common: ErrorPages = STATUSES.reduce<ErrorPage[]>((pages, status) => {
  pages[status] = plain(status);
  return pages;
}, []);

/** The pages of a frontend: its own where it has them, ours otherwise. */
export function createPages(
  own: Readonly<Record<number, { readonly type: string; readonly body: string }>>,
): ErrorPages {
  const pages = common.slice();
  for (const [status, page] of Object.entries(own)) {
    pages[Number(status)] = createPage(Number(status), page.type, utf8(page.body));
  }
  return pages;
}

/** A page for any status: made on the spot for one that a rule chose and nobody else uses. */
export function pageFor(pages: ErrorPages, status: number): ErrorPage {
  return pages[status] ?? plain(status);
}
