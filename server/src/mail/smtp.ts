/** The only way to the mail server. One connection for each mail: they are few, and a connection that is kept can be dead. */
import { createTransport } from 'nodemailer';
import type { Tried } from '../outbox/outbox.ts';
import type { SmtpSettings } from './mail-config.ts';

const CONNECT_LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 20_000;
const MAX_ANSWER_LENGTH = 300;

export interface Message {
  /** Stable over all tries: whoever gets a mail twice can tell. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

export type Send = (message: Message) => Promise<Tried>;

export function createSmtp(settings: SmtpSettings): Send {
  const { host, port, tls, user, password, from, ca } = settings;
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    tls: { minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) },
    ...(user !== null && password ? { auth: { user, pass: password.reveal() } } : {}),
    connectionTimeout: CONNECT_LIMIT_MS,
    greetingTimeout: CONNECT_LIMIT_MS,
    socketTimeout: ANSWER_LIMIT_MS,
    // A mail is made of what is given here and of nothing that a text could name.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ messageId, to, subject, text, html }) => {
    try {
      const { response } = await transport.sendMail({
        messageId,
        from,
        to: { name: '', address: to },
        envelope: { from: from.address, to: [to] },
        subject,
        text,
        html,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
      return { isAccepted: true, answer: shortened(response) };
    } catch (err) {
      const { responseCode, response, message } = err as { responseCode?: number; response?: string; message: string };
      // 5xx of RCPT or DATA is for good (RFC 5321 §4.2.1); what is wrong with our sign-in there can be mended.
      const isFinal = responseCode !== undefined && responseCode >= 500 && (err as { code?: string }).code !== 'EAUTH';
      return { isAccepted: false, answer: shortened(response ?? message), isFinal };
    }
  };
}

function shortened(answer: string): string {
  return answer.replace(/\s+/g, ' ').trim().slice(0, MAX_ANSWER_LENGTH);
}
