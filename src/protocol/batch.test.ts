import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeBatch, encodeBatch } from './batch.ts';
import type { StampMs } from './ids.ts';

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });
const stampMs = fc.maxSafeNat().map((ms) => ms as StampMs);
const item = fc.record({
  boot: fc.maxSafeNat(),
  serial: fc.maxSafeNat(),
  command: fc.uint8Array({ maxLength: 300 }),
});

describe('batches', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(stampMs, fc.array(item), (stampMs, items) => {
        const decoded = decodeBatch(encodeBatch({ stampMs, items }));
        expect(decoded.stampMs).toBe(stampMs);
        const copies = decoded.items.map(({ boot, serial, command }) => ({
          boot,
          serial,
          command: Uint8Array.from(command),
        }));
        expect(copies).toEqual(items);
      }),
    );
  });

  it('of a newer version are told from broken ones', () => {
    const code = (value: unknown) => expect.objectContaining({ code: value });
    expect(() => decodeBatch(packr.pack([2, 1, []]))).toThrow(code('unsupported_version'));
    for (const broken of [[1, 1], [1, '1', []], [1, 1, [1, 2]], [1, 1, [1, '2', new Uint8Array(1)]], 'x', null, {}]) {
      expect(() => decodeBatch(packr.pack(broken))).toThrow(code('bad_request'));
    }
  });

  it('that are none are refused with an operating error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => decodeBatch(bytes)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^(bad_request|unsupported_version)$/) }),
        );
      }),
    );
  });
});
