import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { accountIdOf, clusterIdOf, deviceIdOf, directRoomIdOf, groupRoomIdOf, sessionIdOf } from './derive-ids.ts';
import { isAccountId, isClusterId, isDeviceId, isRoomId, isSessionId } from './ids.ts';
import { makeTxnId } from './txn-id.ts';

const key = (value: number) => new Uint8Array(32).fill(value);
const txnId = makeTxnId(1, new Uint8Array(10));

describe('derived ids', () => {
  it('are a letter and the first 128 bits of the labelled hash, in base32', () => {
    const part = (bytes: Uint8Array) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
    const hash = createHash('sha256')
      .update(part(Buffer.from('parley/v1/account-id')))
      .update(part(key(7)))
      .digest();
    const bits = [...hash.subarray(0, 16)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const letters = bits.padEnd(130, '0').match(/.{5}/g)!;
    expect(accountIdOf(key(7))).toBe(
      `A${letters.map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(five, 2)]).join('')}`,
    );
  });

  it('have the form of their kind', () => {
    const [account, device] = [accountIdOf(key(1)), deviceIdOf(key(1))];
    expect(isAccountId(account)).toBe(true);
    expect(isDeviceId(device)).toBe(true);
    expect(isSessionId(sessionIdOf(device, txnId))).toBe(true);
    expect(isRoomId(groupRoomIdOf(account, txnId))).toBe(true);
    expect(isClusterId(clusterIdOf(key(1).subarray(0, 16)))).toBe(true);
    expect(isAccountId(device)).toBe(false);
    expect(account.slice(1)).not.toBe(device.slice(1));
  });

  it('of a direct room are the same from both sides, and of no other pair', () => {
    const [a, b, c] = [accountIdOf(key(1)), accountIdOf(key(2)), accountIdOf(key(3))];
    expect(directRoomIdOf(a, b)).toBe(directRoomIdOf(b, a));
    expect(new Set([directRoomIdOf(a, b), directRoomIdOf(a, c), directRoomIdOf(b, c)]).size).toBe(3);
  });

  it('differ with every part', () => {
    const [a, b] = [accountIdOf(key(1)), accountIdOf(key(2))];
    const other = makeTxnId(2, new Uint8Array(10));
    expect(new Set([groupRoomIdOf(a, txnId), groupRoomIdOf(b, txnId), groupRoomIdOf(a, other)]).size).toBe(3);
  });
});
