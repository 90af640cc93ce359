/**
 * The inner half of a direct login: a relayed line to the worker's SSH side, and SSH on it. The ticket is what lets us in
 * (the worker accepts `none` on such a line), since the jump has checked the person's key already.
 */
import type { Line } from '@easel/kit/line';
import { MESSAGE, message } from '@easel/kit/ssh/wire';
import { AppError } from '@easel/schema/errors';
import { workerFacingOffer } from './ssh/algorithms.ts';
import { Transport } from './ssh/transport.ts';

/** From the open line to the end of the sign-in; a few round trips. */
const openLimitMs = 10_000;

export interface WorkerLineHandlers {
  onMessage(payload: Buffer): void;
  onDrain(): void;
  onClose(reason: string): void;
}

/**
 * Resolves when the worker has let us in; `attach` is called in that very turn, so that no message is missed. Throws
 * WORKER_UNREACHABLE or TIMED_OUT; the line is gone then.
 */
export async function openWorkerLine(relayed: Line, attach: (line: Transport) => WorkerLineHandlers): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const fail = (code: 'WORKER_UNREACHABLE' | 'TIMED_OUT', message: string) =>
    opened.reject(new AppError({ code, message }));
  let handlers: WorkerLineHandlers | undefined;
  const line: Transport = new Transport({
    line: relayed,
    offer: workerFacingOffer,
    handlers: {
      onOpen: () => line.requestService('ssh-userauth'),
      onServiceAccept: () => line.send(message(MESSAGE.userAuthRequest, 'easel', 'ssh-connection', 'none')),
      onMessage: (payload) => {
        if (handlers) handlers.onMessage(payload);
        else if (payload[0] === MESSAGE.userAuthSuccess) {
          handlers = attach(line);
          opened.resolve();
        } else if (payload[0] !== MESSAGE.userAuthBanner) {
          fail('WORKER_UNREACHABLE', "the environment's worker refused the jump");
        }
      },
      onDrain: () => handlers?.onDrain(),
      onClose: (reason) => {
        if (handlers) handlers.onClose(reason);
        else fail('WORKER_UNREACHABLE', `the line to the environment was cut: ${reason}`);
      },
    },
  });
  const timer = setTimeout(() => fail('TIMED_OUT', 'the environment did not answer in time'), openLimitMs);
  try {
    await opened.promise;
  } catch (err) {
    line.destroy((err as Error).message);
    throw err;
  } finally {
    clearTimeout(timer);
  }
}
