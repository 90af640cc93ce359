/** Signatures, against what the convention's own documents sign. */
import { expect, it } from 'vitest';
import { newWebhookSecret, signedHeaders } from './signature.ts';

const message = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  at: new Date(1_614_265_330_000),
  body: '{"test": 2432232314}',
};

it('signs as the libraries of the convention do', () => {
  expect(signedHeaders(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('makes secrets of 256 bits in the form of the convention', () => {
  const secret = newWebhookSecret();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(newWebhookSecret()).not.toBe(secret);
});

it('signs with each secret that the receiver may know', () => {
  const [first, second] = [newWebhookSecret(), newWebhookSecret()];
  const both = signedHeaders(message, [first, second])['webhook-signature'];
  const alone = (secret: string) => signedHeaders(message, [secret])['webhook-signature'];
  expect(both).toBe(`${alone(first)} ${alone(second)}`);
});
