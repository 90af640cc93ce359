/** A server's GraphQL endpoint with the answers of a test, by the name of the operation. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

type Variables = Record<string, unknown>;
type Answers = Record<string, (variables: Variables) => unknown>;

export class FakeApi {
  readonly #server: Server;
  readonly #answers: Answers;
  /** While true every request is answered with 503. */
  isDown = false;
  readonly asked: { operation: string; variables: Variables; authorization: string | undefined }[] = [];

  private constructor(answers: Answers) {
    this.#answers = answers;
    this.#server = createServer(async (req, res) => {
      const { query, variables } = (await json(req)) as { query: string; variables: Variables };
      const operation = /(?:query|mutation)\s+(\w+)/.exec(query)?.[1] ?? '';
      this.asked.push({ operation, variables, authorization: req.headers.authorization });
      const answer = this.#answers[operation];
      if (this.isDown || !answer) return void res.writeHead(503).end();
      const body = JSON.stringify({ data: await answer(variables) });
      return void res.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  }

  static async start(answers: Answers): Promise<FakeApi> {
    const api = new FakeApi(answers);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
