import { beforeAll, describe, expect, it } from 'vitest';
import { type KeyAndCertificate, newKeyAndCertificate } from './certificate.ts';
import {
  at,
  ENTITY_ID,
  encode,
  encrypted,
  type Forged,
  newSigner,
  REQUEST_ID,
  responseAround,
  SERVICE,
  type TestSigner,
} from './saml-forge.kit.ts';
import { SamlProblem } from './saml-problem.ts';
import { type ExpectedResponse, readResponse } from './saml-response.ts';

let idp: TestSigner;
let stranger: TestSigner;
let ours: KeyAndCertificate;
let expected: ExpectedResponse;

beforeAll(async () => {
  [idp, stranger, ours] = await Promise.all([newSigner(), newSigner(), newKeyAndCertificate('easel', new Date())]);
  expected = {
    provider: { entityId: ENTITY_ID, certificates: [idp.certificate] },
    service: SERVICE,
    requestId: REQUEST_ID,
    wanted: 'both',
    decryptionKey: ours.privateKey,
    nowMs: Date.now(),
  };
});

const read = (xml: string, change: Partial<ExpectedResponse> = {}) =>
  readResponse(encode(xml), { ...expected, nowMs: Date.now(), ...change });

/** Why it is refused: the kind of the problem, or whom it lets in. */
async function outcome(xml: string, change: Partial<ExpectedResponse> = {}): Promise<string> {
  try {
    return `in as ${(await read(xml, change)).nameId?.value}`;
  } catch (err) {
    if (!(err instanceof SamlProblem)) throw err;
    return err.kind;
  }
}

const FILL: Forged = {
  subject: 'eve',
  format: '',
  issuer: ENTITY_ID,
  audience: SERVICE.entityId,
  recipient: SERVICE.acsUrl,
  destination: SERVICE.acsUrl,
  inResponseTo: REQUEST_ID,
  assertionId: '_evil',
  responseId: '_evil_response',
  notBefore: at(-5),
  notOnOrAfter: at(300),
  sessionNotOnOrAfter: null,
  status: 'urn:oasis:names:tc:SAML:2.0:status:Success',
  attributes: {},
  more: '',
  signs: { response: false, assertion: false },
  signatureMethod: '',
  digestMethod: '',
  canonicalization: '',
};

describe('a good answer', () => {
  it('says who has signed in, and what else is known', async () => {
    const xml = idp.respond({
      attributes: { mail: ['ada@example.com'], groups: ['a', 'b'], __proto: ['x'] },
      sessionNotOnOrAfter: at(3600),
    });
    const answer = await read(xml);
    expect(answer.nameId).toEqual({ value: 'ada', format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent' });
    expect(answer.attributes.get('groups')).toEqual(['a', 'b']);
    expect(answer.sessionEndsAt?.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    expect(answer.expiresAt.getTime()).toBeGreaterThan(Date.now() + 290_000);
  });

  it('may be signed by any of several keys, during a roll-over', async () => {
    const certificates = [stranger.certificate, idp.certificate];
    expect(await outcome(idp.respond(), { provider: { entityId: ENTITY_ID, certificates } })).toBe('in as ada');
  });

  it('may have the assertion signed alone where the module says so, and never neither', async () => {
    const only = idp.respond({ signs: { response: false, assertion: true } });
    const whole = idp.respond({ signs: { response: true, assertion: false } });
    const none = idp.respond({ signs: { response: false, assertion: false } });
    expect(await outcome(only)).toBe('signature');
    expect(await outcome(only, { wanted: 'assertion' })).toBe('in as ada');
    for (const wanted of ['both', 'assertion'] as const) {
      expect(await outcome(whole, { wanted })).toBe('signature');
      expect(await outcome(none, { wanted })).toBe('signature');
    }
  });

  it('may be begun by the provider where no request was made', async () => {
    const unasked = idp.respond({ inResponseTo: null });
    expect(await outcome(unasked, { requestId: null })).toBe('in as ada');
    expect(await outcome(unasked)).toBe('request');
    expect(await outcome(idp.respond(), { requestId: null })).toBe('request');
  });

  it('may be some seconds early or late, as clocks are', async () => {
    expect(await outcome(idp.respond({ notBefore: at(50) }))).toBe('in as ada');
    expect(await outcome(idp.respond({ notOnOrAfter: at(-50) }))).toBe('in as ada');
  });
});

describe('an encrypted assertion', () => {
  const sealed = (method?: string, signs = true) => {
    const forged = { ...FILL, signs: { response: true, assertion: signs } };
    const inside = encrypted(idp.assertion({ signs: { response: false, assertion: signs } }), ours.certificate, method);
    return { forged, xml: responseAround(inside, forged) };
  };
  const signedResponse = (xml: string) => idp.sign(xml, FILL.responseId);

  it('is opened with our key', async () => {
    expect(await outcome(signedResponse(sealed().xml))).toBe('in as ada');
  });

  it('must be signed inside, and in a signed response', async () => {
    expect(await outcome(signedResponse(sealed(undefined, false).xml))).toBe('signature');
    expect(await outcome(sealed().xml)).toBe('signature');
    expect(await outcome(sealed().xml, { wanted: 'assertion' })).toBe('signature');
  });

  it('is not opened with RSA 1.5, or by somebody else’s key', async () => {
    expect(await outcome(signedResponse(sealed('rsa-1_5').xml))).toBe('algorithm');
    expect(await outcome(signedResponse(sealed().xml), { decryptionKey: stranger.privateKey })).toBe('decryption');
  });
});

describe('an answer for somebody or something else', () => {
  it.each<[string, Partial<Forged>, string]>([
    ['another audience', { audience: 'https://other.example.com' }, 'audience'],
    ['an audience that begins alike', { audience: `${SERVICE.entityId}.evil.org` }, 'audience'],
    ['another recipient', { recipient: 'https://other.example.com/acs' }, 'audience'],
    ['another destination', { destination: 'https://other.example.com/acs' }, 'audience'],
    ['no destination', { destination: null }, 'audience'],
    ['another issuer', { issuer: 'https://other.example.com' }, 'issuer'],
    ['another request', { inResponseTo: '_another' }, 'request'],
    ['a time that is over', { notOnOrAfter: at(-120) }, 'time'],
    ['a time that is to come', { notBefore: at(120) }, 'time'],
    ['a time without a zone', { notOnOrAfter: '2999-01-01T00:00:00' }, 'time'],
    ['no time', { notOnOrAfter: '' }, 'time'],
    ['a session that is over', { sessionNotOnOrAfter: at(-10) }, 'time'],
    ['a refusal', { status: 'urn:oasis:names:tc:SAML:2.0:status:Responder' }, 'refused'],
  ])('%s', async (_name, change, kind) => {
    expect(await outcome(idp.respond(change))).toBe(kind);
  });
});

describe('a signature', () => {
  it('of another key, or whose own certificate comes along, is none', async () => {
    expect(await outcome(stranger.respond())).toBe('signature');
    const body = stranger.certificate.replace(/-----[^-]+-----|\s/g, '');
    const keyInfo = `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
    const withKey = stranger.respond().replaceAll('</ds:Signature>', `${keyInfo}</ds:Signature>`);
    expect(await outcome(withKey)).toBe('signature');
  });

  it('that was taken away, or under which something was changed, is none', async () => {
    const xml = idp.respond({ attributes: { role: ['user'] } });
    expect(await outcome(xml.replace(/<ds:Signature .*?<\/ds:Signature>/s, ''))).toBe('signature');
    expect(await outcome(xml.replaceAll(/<ds:Signature .*?<\/ds:Signature>/gs, ''))).toBe('signature');
    expect(await outcome(xml.replace('>ada<', '>eve<'))).toBe('signature');
    expect(await outcome(xml.replace('>user<', '>admin<'))).toBe('signature');
    expect(await outcome(xml.replace('>ada<', '>ada <'))).toBe('signature');
  });

  it.each<[string, Partial<Forged>]>([
    ['with SHA-1', { signatureMethod: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }],
    ['of a digest by SHA-1', { digestMethod: 'http://www.w3.org/2000/09/xmldsig#sha1' }],
    ['by a key that both know', { signatureMethod: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1' }],
    ['that keeps comments', { canonicalization: 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments' }],
    ['that transforms by XSLT', { canonicalization: 'http://www.w3.org/TR/1999/REC-xslt-19991116' }],
  ])('%s is refused though it is right', async (_name, change) => {
    expect(await outcome(idp.respond(change))).toBe('algorithm');
  });

  it('of another part of the document is none', async () => {
    const xml = idp.respond({ signs: { response: false, assertion: true } });
    expect(await outcome(idp.sign(xml, 'nothing'))).toBe('signature');
  });
});

/** J. Somorovsky et al., "On Breaking SAML" (2012); the numbers are those that tools have given to the shapes since. */
describe('signature wrapping', () => {
  const parts = () => {
    const good = idp.respond({ responseId: '_response', assertionId: '_assertion' });
    const onlyAssertion = idp.respond({
      responseId: '_response',
      assertionId: '_assertion',
      signs: { response: false, assertion: true },
    });
    const signatureOf = (xml: string) => /<ds:Signature .*?<\/ds:Signature>/s.exec(xml)?.[0] ?? '';
    const assertion = /<saml:Assertion .*<\/saml:Assertion>/s.exec(onlyAssertion)?.[0] ?? '';
    const signature = signatureOf(assertion);
    const evil = idp.assertion(FILL);
    return { good, onlyAssertion, assertion, signature, evil, responseSignature: signatureOf(good) };
  };
  const inIssuer = (xml: string, inserted: string) => xml.replace('</saml:Issuer>', `</saml:Issuer>${inserted}`);
  const without = (xml: string, part: string) => xml.replace(part, '');
  const inside = (signature: string, part: string) => signature.replace('</ds:Signature>', `${part}</ds:Signature>`);

  const shapes: [string, () => string][] = [
    [
      '1: the response in the signature of another response',
      () => {
        const { good, responseSignature, evil } = parts();
        return inIssuer(responseAround(evil, FILL), inside(responseSignature, without(good, responseSignature)));
      },
    ],
    [
      '2: the response before the signature of another response',
      () => {
        const { good, responseSignature, evil } = parts();
        return inIssuer(responseAround(evil, FILL), without(good, responseSignature) + responseSignature);
      },
    ],
    [
      '3: another assertion before the signed one',
      () => {
        const { onlyAssertion, assertion, evil } = parts();
        return onlyAssertion.replace(assertion, evil + assertion);
      },
    ],
    [
      '4: the signed assertion in another one',
      () => {
        const { onlyAssertion, assertion, evil } = parts();
        return onlyAssertion.replace(assertion, evil.replace('</saml:Assertion>', `${assertion}</saml:Assertion>`));
      },
    ],
    [
      '5: the signature in another assertion, the signed one at the end',
      () => {
        const { onlyAssertion, assertion, signature, evil } = parts();
        return onlyAssertion.replace(assertion, inIssuer(evil, signature) + without(assertion, signature));
      },
    ],
    [
      '6: the signed assertion in its signature, in another one',
      () => {
        const { onlyAssertion, assertion, signature, evil } = parts();
        return onlyAssertion.replace(assertion, inIssuer(evil, inside(signature, without(assertion, signature))));
      },
    ],
    [
      '7: another assertion in extensions',
      () => {
        const { onlyAssertion, assertion, evil } = parts();
        return onlyAssertion.replace(assertion, `<samlp:Extensions>${evil}</samlp:Extensions>${assertion}`);
      },
    ],
    [
      '8: the signed assertion in an object of its signature',
      () => {
        const { onlyAssertion, assertion, signature, evil } = parts();
        const object = `<ds:Object>${without(assertion, signature)}</ds:Object>`;
        return onlyAssertion.replace(assertion, inIssuer(evil, inside(signature, object)));
      },
    ],
    [
      'the same id twice',
      () => {
        const { onlyAssertion, assertion, signature, evil } = parts();
        return onlyAssertion.replace(
          assertion,
          inIssuer(evil.replace('_evil', '_assertion'), inside(signature, `<ds:Object>${assertion}</ds:Object>`)),
        );
      },
    ],
    [
      'another assertion with the id of the signed response',
      () => {
        const { good, evil } = parts();
        return good.replace(/<saml:Assertion .*<\/saml:Assertion>/s, evil.replace('_evil', '_response'));
      },
    ],
    [
      'the whole signed response in extensions of another',
      () => {
        const { good, evil } = parts();
        return responseAround(`<samlp:Extensions>${good}</samlp:Extensions>${evil}`, FILL);
      },
    ],
    [
      'two assertions, both signed',
      () => {
        const { onlyAssertion, assertion } = parts();
        return onlyAssertion.replace(assertion, assertion + idp.assertion({ subject: 'eve' }));
      },
    ],
    [
      'an assertion under another name for the namespace',
      () => {
        const { onlyAssertion, assertion, evil } = parts();
        return onlyAssertion.replace(
          assertion,
          evil.replaceAll('saml:', 'x:').replace('xmlns:saml', 'xmlns:x') + assertion,
        );
      },
    ],
  ];

  it.each(shapes)('%s', async (_name, shape) => {
    for (const wanted of ['both', 'assertion'] as const) expect(await outcome(shape(), { wanted })).toBe('signature');
    // The response may be signed by the provider too: then it is nonsense of its own, and still no way in.
    expect(await outcome(shape())).not.toMatch(/^in/);
  });

  it('is not what makes good ones fail', async () => {
    const { good, onlyAssertion } = parts();
    expect(await outcome(good)).toBe('in as ada');
    expect(await outcome(onlyAssertion, { wanted: 'assertion' })).toBe('in as ada');
  });
});

describe('a document', () => {
  it('with a comment in a name is refused, signed or not', async () => {
    expect(await outcome(idp.respond().replace('>ada<', '>ad<!-- -->a<'))).toBe('malformed');
    expect(await outcome(idp.respond({ subject: 'admin<!---->.evil' }))).toBe('malformed');
    expect(await outcome(idp.respond({ subject: '<![CDATA[admin]]>' }))).toBe('malformed');
    expect(await outcome(idp.respond({ subject: 'admin<?x?>.evil' }))).toBe('malformed');
  });

  it('with entities is refused before anything is made of them', async () => {
    const bomb = `<!DOCTYPE r [<!ENTITY a "${'x'.repeat(100)}"><!ENTITY b "${'&a;'.repeat(100)}">]>`;
    const external = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>';
    for (const type of [bomb, external]) {
      expect(await outcome(type + idp.respond().replace('>ada<', '>&b;<'))).toBe('malformed');
    }
    expect(await outcome(idp.respond().replace('>ada<', '>&a;<'))).toBe('malformed');
  });

  it('is small, and cheap to refuse', async () => {
    const hostile = [
      idp.respond({ more: `<saml:Advice>${'x'.repeat(1024 * 1024)}</saml:Advice>` }),
      `${'<a>'.repeat(50_000)}${'</a>'.repeat(50_000)}`,
      `<a ${Array.from({ length: 20_000 }, (_, i) => `a${i}="x"`).join(' ')}/>`,
      `<a ${Array.from({ length: 9_000 }, (_, i) => `xmlns:a${i}="x"`).join(' ')}>${'<b/>'.repeat(10_000)}</a>`,
      `<a${' '.repeat(200_000)}`,
      `<a b="${'&amp;'.repeat(40_000)}`,
      idp.respond({ more: '<saml:Advice></saml:Advice>'.repeat(5000) }).replace('>ada<', '>eve<'),
    ];
    for (const xml of hostile) {
      const began = process.cpuUsage();
      expect(await outcome(xml)).toMatch(/malformed|signature/);
      expect(process.cpuUsage(began).user / 1000).toBeLessThan(1000);
    }
  });

  it.each([
    ['nothing', ''],
    ['no base64', '%%%'],
    ['no XML', encode('hello')],
    ['no UTF-8', Buffer.from([0x3c, 0x61, 0xff, 0x3e]).toString('base64')],
    ['another encoding', encode('<?xml version="1.0" encoding="utf-7"?><a/>')],
    ['something else of SAML', encode(`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`)],
  ])('that is %s is refused', async (_name, encoded) => {
    await expect(readResponse(encoded, expected)).rejects.toBeInstanceOf(SamlProblem);
  });
});
