/**
 * What `easel sign-in --device` calls, as OAuth has it (RFC 8628):
 *
 *   POST /auth/device/code   [device_name=…]  → { device_code, user_code, verification_uri, …, expires_in, interval }
 *   POST /auth/device/token  device_code=…    → { access_token, token_type } or { error }
 *
 * The second is the token endpoint (token-routes.ts) by another name, for those who know no discovery.
 *
 * Errors while nobody has answered: authorization_pending, slow_down; and for good: access_denied, expired_token,
 * invalid_grant. Clients are public: whoever asks proves nothing, and `client_id` is taken as it comes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeviceSignInService, Polled } from '../device-sign-in/device-sign-in.service.ts';
import { answerJson } from './answer.ts';
import { addressOf } from './device.ts';
import { createOauthRoutes, OauthError, readForm } from './oauth.ts';
import type { AuthRoutes } from './post-routes.ts';

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** 43 characters; whatever is much longer is none. */
const MAX_CODE = 200;

interface DeviceRoutesParts {
  deviceSignIns: DeviceSignInService;
  baseOf: (request: IncomingMessage) => string;
  onError: (err: unknown) => void;
}

export function createDeviceRoutes({ deviceSignIns, baseOf, onError }: DeviceRoutesParts): AuthRoutes {
  return createOauthRoutes(
    {
      async '/auth/device/code'(request, response) {
        const form = await readForm(request);
        const begun = await deviceSignIns.begin({ name: form.get('device_name'), address: addressOf(request) });
        const page = new URL('/device', baseOf(request));
        const complete = new URL(page);
        complete.searchParams.set('code', begun.userCode);
        answerJson(response, 200, {
          device_code: begun.deviceCode,
          user_code: begun.userCode,
          verification_uri: page.href,
          verification_uri_complete: complete.href,
          expires_in: begun.expiresInSeconds,
          interval: begun.intervalSeconds,
        });
      },
      async '/auth/device/token'(request, response) {
        const form = await readForm(request);
        if (form.get('grant_type') !== DEVICE_GRANT) {
          throw new OauthError('unsupported_grant_type', `expected grant_type=${DEVICE_GRANT}`);
        }
        await answerDevice(deviceSignIns, form, { request, response });
      },
    },
    { onError },
  );
}

/** To a form with the grant of a device. */
export async function answerDevice(
  deviceSignIns: DeviceSignInService,
  form: URLSearchParams,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const code = form.get('device_code') ?? '';
  if (code === '' || code.length > MAX_CODE) throw new OauthError('invalid_request', 'expected device_code');
  const polled = await deviceSignIns.poll(code, addressOf(request));
  if (!('token' in polled)) throw refusalOf(polled.state);
  answerJson(response, 200, { access_token: polled.token, token_type: 'Bearer' });
}

type State = Extract<Polled, { state: string }>['state'];

const REFUSALS: Record<State, readonly [error: string, message: string]> = {
  waiting: ['authorization_pending', 'nobody has answered yet'],
  tooSoon: ['slow_down', 'this was asked too soon: wait five seconds longer between two questions from now on'],
  refused: ['access_denied', 'the sign-in was denied'],
  expired: ['expired_token', 'nobody answered within ten minutes: begin again'],
  unknown: ['invalid_grant', 'there is no such code, or it was used before: begin again'],
};

function refusalOf(state: State): OauthError {
  const [error, message] = REFUSALS[state];
  return new OauthError(error, message);
}
