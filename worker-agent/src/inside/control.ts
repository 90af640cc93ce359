/** The agent's end of the control connection of `./messages.ts`: requests and their answers. */
import type { Socket } from 'node:net';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { decode } from '@easel/schema/wire/codec';
import { MAX_LINE_BYTES } from './constants.ts';
import { eachLine } from './line.ts';
import {
  type AgentMessage,
  type HelperMessage,
  helperMessageSchema,
  type InsideOrder,
  type InsideRequest,
} from './messages.ts';

/** A host that does not answer takes the helper 20 s to give up. */
const answerLimitMs = 30_000;

type Hello = Extract<HelperMessage, { type: 'hello' }>;
export type Exit = { code: number | null; signal: string | null };

export class Control {
  readonly hello: Promise<Hello>;
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #hello = Promise.withResolvers<Hello>();
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #exits = new Map<number, (exit: Exit) => void>();
  #lastRequest = 0;

  constructor(socket: Socket, log: Log) {
    this.#socket = socket;
    this.#log = log;
    this.hello = this.#hello.promise;
    this.hello.catch(() => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    eachLine(socket, MAX_LINE_BYTES, (line) => this.#onLine(line));
    socket.on('error', () => socket.destroy());
    socket.once('end', () => socket.destroy());
    socket.once('close', () => this.#onClose());
  }

  /** Resolves with the answer's value, still to be parsed. Throws the helper's refusal, TIMED_OUT or WORKER_UNREACHABLE. */
  async request(request: InsideRequest): Promise<unknown> {
    const number = ++this.#lastRequest;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(number, answer);
    const timer = setTimeout(() => {
      answer.reject(
        new AppError({ code: 'TIMED_OUT', message: `the inside did not answer in ${answerLimitMs / 1000} s` }),
      );
    }, answerLimitMs);
    try {
      this.#send({ ...request, request: number });
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#answers.delete(number);
    }
  }

  order(order: InsideOrder): void {
    if (this.#socket.writable) this.#send(order);
  }

  /** How this process ends; as if hung up on when the helper ends first. Ask before the process is started. */
  exitOf(process: number): Promise<Exit> {
    const exit = Promise.withResolvers<Exit>();
    this.#exits.set(process, exit.resolve);
    return exit.promise;
  }

  /** It was not started after all. */
  forgetExit(process: number): void {
    this.#exits.delete(process);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(message: AgentMessage): void {
    if (!this.#socket.writable) throw gone();
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  #onLine(line: string): void {
    let message: HelperMessage;
    try {
      message = decode(helperMessageSchema, line);
    } catch (err) {
      this.#log.warn({ err }, 'inside sent what is no message');
      this.#socket.destroy();
      return;
    }
    if (message.type === 'hello') this.#hello.resolve(message);
    else if (message.type === 'done') this.#answers.get(message.request)?.resolve(message.value);
    else if (message.type === 'failed') {
      const { code, message: text } = message;
      this.#answers.get(message.request)?.reject(new AppError({ code, message: text }));
    } else {
      this.#exits.get(message.process)?.({ code: message.code, signal: message.signal });
      this.#exits.delete(message.process);
    }
  }

  #onClose(): void {
    this.#hello.reject(gone());
    for (const answer of this.#answers.values()) answer.reject(gone());
    for (const then of this.#exits.values()) then({ code: null, signal: 'SIGHUP' });
    this.#exits.clear();
  }
}

function gone(): AppError {
  return new AppError({ code: 'WORKER_UNREACHABLE', message: 'the helper inside has ended' });
}
