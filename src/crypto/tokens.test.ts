import { describe, expect, it } from 'vitest';
import { sessionIdOf } from '../protocol/derive-ids.ts';
import { createDeviceKeys } from './identity.ts';
import { nodeRandom } from './node-random.ts';
import { createSessionSecret, formatAccessToken, parseAccessToken, sessionSecretHash } from './tokens.ts';
import type { TxnId } from '../protocol/ids.ts';

const session = sessionIdOf(createDeviceKeys(nodeRandom).device, '01JABCDEFGHJKMNPQRSTVWXYZ0' as TxnId);

describe('a session secret', () => {
  it('is 32 bytes and known to others by its SHA-256', () => {
    const { secret, hash } = createSessionSecret((length) => new Uint8Array(length));
    expect(secret).toEqual(new Uint8Array(32));
    expect(Buffer.from(hash).toString('hex')).toBe('66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925');
    expect(sessionSecretHash(nodeRandom(32))).not.toEqual(hash);
    expect(() => sessionSecretHash(new Uint8Array(31))).toThrow('32 bytes');
  });
});

describe('an access token', () => {
  it('names its session and carries its secret', () => {
    const { secret } = createSessionSecret(nodeRandom);
    const token = formatAccessToken(session, secret);
    expect(token).toMatch(/^p1\.S[a-z2-7]{26}\.[A-Za-z0-9_-]{43}$/);
    expect(parseAccessToken(token)).toEqual({ session, secret });
    expect(() => formatAccessToken(session, secret.subarray(1))).toThrow('32 bytes');
  });

  const good = formatAccessToken(session, new Uint8Array(32).fill(255));
  it.each([
    '',
    'p1',
    `${good} `,
    ` ${good}`,
    `${good}\n`,
    `${good}=`,
    good.slice(0, -1),
    good.replace('p1', 'p2'),
    good.replace('p1.S', 'p1.D'),
    good.replace(/_8$/, '_9'),
    good.replaceAll('.', ':'),
    good.toUpperCase(),
  ])('has one form, which is not %j', (text) => {
    expect(parseAccessToken(text)).toBeNull();
  });
});
