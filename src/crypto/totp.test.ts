import { describe, expect, it } from 'vitest';
import { totpCode, totpStepAt, totpStepOf } from './totp.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const DIGITS = '12345678901234567890';
const SECRETS = { sha1: DIGITS, sha256: `${DIGITS}123456789012`, sha512: `${DIGITS.repeat(3)}1234` };

/** RFC 6238, appendix B: seconds, then the codes with SHA-1, SHA-256 and SHA-512. */
const VECTORS = [
  [59, '94287082', '46119246', '90693936'],
  [1_111_111_109, '07081804', '68084774', '25091201'],
  [1_111_111_111, '14050471', '67062674', '99943326'],
  [1_234_567_890, '89005924', '91819424', '93441116'],
  [2_000_000_000, '69279037', '90698825', '38618901'],
  [20_000_000_000, '65353130', '77737706', '47863826'],
] as const;

/** RFC 4226, appendix D: counters from 0 on. */
const HOTP = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(' ');

describe('one-time codes', () => {
  it.each(VECTORS)('are those of RFC 6238 at %i s', (seconds, sha1, sha256, sha512) => {
    const step = totpStepAt(seconds * 1_000);
    for (const [hash, code] of Object.entries({ sha1, sha256, sha512 })) {
      const kind = hash as keyof typeof SECRETS;
      expect(totpCode(ascii(SECRETS[kind]), step, { hash: kind, digits: 8 })).toBe(code);
    }
  });

  it('are those of RFC 4226', () => {
    expect(HOTP.map((_, counter) => totpCode(ascii(DIGITS), counter))).toEqual(HOTP);
  });

  it('are taken one step early and one step late, and no further', () => {
    const secret = ascii(DIGITS);
    const nowMs = 1_234_567_890_000;
    const now = totpStepAt(nowMs);
    const found = [-2, -1, 0, 1, 2].map((off) => totpStepOf(secret, totpCode(secret, now + off), nowMs));
    expect(found).toEqual([0, now - 1, now, now + 1, 0]);
    expect(['', '000000', ' 287082', '28708'].map((code) => totpStepOf(secret, code, nowMs))).toEqual([0, 0, 0, 0]);
  });
});
