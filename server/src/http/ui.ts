/** The UI: SvelteKit's handler in this process, where it has been built; otherwise a page that says how to build it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@easel/kit/log';

export type UiHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** What the handler is told of the address that the browser sees. Set by us on every request, so never by a client. */
export const PROTOCOL_HEADER = 'x-easel-proto';
export const HOST_HEADER = 'x-easel-host';

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Easel</title>
<style>:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
<h1>The API runs, the UI is not built</h1>
<p>Build it with <code>npm run build -w @easel/web</code> and start the server again.
The API is at <code>/graphql</code>.</p>
</html>
`;

/** `publicUrl`: the address that browsers see, where it differs from what their requests name. */
export async function loadUi(publicUrl: string | null, log: Log): Promise<UiHandler> {
  const known = publicUrl === null ? null : new URL(publicUrl);
  // The handler reads these when it is imported.
  process.env.PROTOCOL_HEADER = PROTOCOL_HEADER;
  process.env.HOST_HEADER = HOST_HEADER;
  const handler = await importHandler(log);
  if (!handler) return answerNotBuilt;
  return (request, response) => {
    request.headers[PROTOCOL_HEADER] = known?.protocol.slice(0, -1) ?? 'http';
    request.headers[HOST_HEADER] = request.headers.host ?? known?.host ?? 'localhost';
    handler(request, response, (err) => {
      if (err) log.error({ err }, 'page failed');
      if (!response.headersSent) response.writeHead(err ? 500 : 404, { 'content-type': 'text/plain' });
      response.end(err ? 'internal error\n' : 'not found\n');
    });
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse, next: (err?: unknown) => void) => void;

async function importHandler(log: Log): Promise<Handler | null> {
  // A name, not a literal: the build is not there when types are checked.
  const specifier: string = '@easel/web/handler';
  try {
    return ((await import(specifier)) as { handler: Handler }).handler;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw err;
    log.warn('the UI is not built');
    return null;
  }
}

function answerNotBuilt(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
  });
  response.end(NOT_BUILT);
}
