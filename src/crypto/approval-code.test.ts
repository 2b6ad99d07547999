import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceLinkBytes } from '../protocol/device-record.ts';
import { approvalCodeOf, parseApprovalCode } from './approval-code.ts';
import { createDeviceKeys, createUserKey, publicDeviceKeys } from './identity.ts';
import { nodeRandom } from './node-random.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const { account } = createUserKey(nodeRandom);
const keys = publicDeviceKeys(createDeviceKeys(nodeRandom));
const other = publicDeviceKeys(createDeviceKeys(nodeRandom));

describe('an approval code', () => {
  it('is the first 80 bits of the hash in Crockford base32', () => {
    const code = approvalCodeOf(account, keys);
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    const value = Array.from(code.replaceAll('-', '')).reduce(
      (sum, digit) => sum * 32n + BigInt(ALPHABET.indexOf(digit)),
      0n,
    );
    const digest = bytesToHex(sha256(deviceLinkBytes(account, keys)));
    expect(value.toString(16).padStart(20, '0')).toBe(digest.slice(0, 20));
  });

  it('changes with any of what it stands for', () => {
    const codes = [
      approvalCodeOf(account, keys),
      approvalCodeOf(createUserKey(nodeRandom).account, keys),
      approvalCodeOf(account, { ...keys, device: other.device }),
      approvalCodeOf(account, { ...keys, signingKey: other.signingKey }),
      approvalCodeOf(account, { ...keys, sealingKey: other.sealingKey }),
    ];
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('is read as people type it', () => {
    const sloppy = fc.tuple(
      fc.array(fc.constantFrom(...Array.from(ALPHABET)), { minLength: 16, maxLength: 16 }),
      fc.array(fc.tuple(fc.constantFrom('', '-', ' ', ' - '), fc.nat(2)), { minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(sloppy, ([digits, habits]) => {
        const code = digits.join('').match(/.{4}/g)!.join('-');
        const typed = digits.map((digit, i) => {
          const [separator, habit] = habits[i]!;
          const confused = digit === '1' ? ['1', 'I', 'l'][habit] : digit === '0' ? ['0', 'O', 'o'][habit] : digit;
          return (habit === 0 ? confused! : confused!.toLowerCase()) + separator;
        });
        expect(parseApprovalCode(`  ${typed.join('')}\n`)).toBe(code);
      }),
    );
  });

  it.each([
    '',
    '----',
    'ABCD-EFGH-JKMN-PQR',
    'ABCD-EFGH-JKMN-PQRST',
    'ABCD-EFGH-JKMN-PQRU',
    'ABCD-EFGH-JKMN-PQ_S',
    'ⅠBCD-EFGH-JKMN-PQRS',
  ])('is not %j', (typed) => {
    expect(parseApprovalCode(typed)).toBeNull();
  });
});
