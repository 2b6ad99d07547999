import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTxnId } from './ids.ts';
import { makeTxnId, txnTimeMs } from './txn-id.ts';

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

describe('transaction ids', () => {
  it('are ULIDs: the example of the specification', () => {
    // 01ARZ3NDEKTSV4RRFFQ69G5FAV, ulid/spec "Components"
    expect(txnTimeMs('01ARZ3NDEKTSV4RRFFQ69G5FAV' as never)).toBe(1_469_922_850_259);
    expect(makeTxnId(2 ** 48 - 1, new Uint8Array(10).fill(0xff))).toBe('7ZZZZZZZZZZZZZZZZZZZZZZZZZ');
    expect(makeTxnId(0, Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 33]))).toBe('00000000000000000000000011');
  });

  it('tell their time, and are in order of it', () => {
    fc.assert(
      fc.property(time, time, random, random, (a, b, ra, rb) => {
        const [first, second] = [makeTxnId(a, ra), makeTxnId(b, rb)];
        expect(isTxnId(first)).toBe(true);
        expect(txnTimeMs(first)).toBe(a);
        if (a !== b) expect(first < second).toBe(a < b);
      }),
    );
  });

  it('are not made of other sizes', () => {
    expect(() => makeTxnId(-1, new Uint8Array(10))).toThrow(RangeError);
    expect(() => makeTxnId(2 ** 48, new Uint8Array(10))).toThrow(RangeError);
    expect(() => makeTxnId(1.5, new Uint8Array(10))).toThrow(RangeError);
    expect(() => makeTxnId(1, new Uint8Array(9))).toThrow(RangeError);
  });
});
