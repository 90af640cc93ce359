/** A mail server for suites: takes mail over SMTP for real, reads it with a parser of its own, and can be told to refuse. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface TakenMail {
  /** Of the envelope, not of the headers. */
  recipients: string[];
  parsed: ParsedMail;
  raw: string;
}

export type Mailbox = Awaited<ReturnType<typeof openMailbox>>;

export async function openMailbox(options: SMTPServerOptions = {}) {
  const taken: TakenMail[] = [];
  /** Called before each mail is taken: what it throws is the answer. */
  const behaviour: { refuse: (recipient: string) => Error | null } = { refuse: () => null };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    onRcptTo: ({ address }, _session, done) => done(behaviour.refuse(address)),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        simpleParser(raw).then((parsed) => {
          taken.push({ recipients: envelope.rcptTo.map(({ address }) => address), parsed, raw: raw.toString() });
          done();
        }, done);
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    taken,
    behaviour,
    /** What a server is given to send here. */
    settings: {
      EASEL_SMTP_HOST: '127.0.0.1',
      EASEL_SMTP_PORT: String(port),
      EASEL_SMTP_TLS: 'none',
      EASEL_SMTP_FROM: 'Easel <easel@example.com>',
      EASEL_PUBLIC_URL: 'https://easel.example.com',
    },
    to: (address: string) => taken.filter(({ recipients }) => recipients.includes(address)),
    /** The one link of ours in a mail, as its text has it. */
    linkOf: ({ parsed }: TakenMail): URL => new URL(/^https?:\/\/\S+$/m.exec(parsed.text ?? '')?.[0] ?? 'none:'),
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** An answer of a mail server with this code. */
export function smtpRefusal(code: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode: code });
}
