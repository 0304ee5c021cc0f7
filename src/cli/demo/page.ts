/** What a server of the demo shows: who it is, so that spreading can be seen. */
export interface Card {
  readonly name: string;
  /** CSS colour. */
  readonly colour: string;
  /** Requests this process has answered. */
  readonly answered: number;
  readonly path: string;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export const textPage = ({ name, answered, path }: Card): string =>
  `server ${name}: request ${answered} here, for ${path}\n`;

export const htmlPage = ({ name, colour, answered, path }: Card): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Weir demo: ${name}</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; text-align: center;
    font-family: system-ui, sans-serif; background: ${colour}; color: #fff; }
  h1 { font-size: 30vmin; margin: 0; line-height: 1; } p { font-size: 4vmin; }
  a { color: inherit; }
</style>
<h1>${name}</h1>
<p>Request ${answered} of this server, for <code>${escaped(path)}</code>.</p>
<p>Reload: the next server answers. <a href="/slow">/slow</a> takes two seconds.</p>
</html>
`;
