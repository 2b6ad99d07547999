import fc from 'fast-check';
import { expect, it } from 'vitest';
import { labelled } from './labelled.ts';

const hex = (purpose: string, ...parts: (string | Uint8Array)[]) =>
  Buffer.from(labelled(purpose, ...parts)).toString('hex');

it('precedes the label and each part by its length', () => {
  expect(hex('p', 'ab', new Uint8Array([1]))).toBe(
    ['0000000b', Buffer.from('parley/v1/p').toString('hex'), '00000002', '6162', '00000001', '01'].join(''),
  );
});

it('never gives two lists of parts the same bytes', () => {
  const parts = fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = a.length === b.length && a.every((part, i) => part === b[i]);
      expect(hex('p', ...a) === hex('p', ...b)).toBe(same);
    }),
  );
  expect(hex('p', 'ab', 'c')).not.toBe(hex('p', 'a', 'bc'));
  expect(hex('p', 'a')).not.toBe(hex('pa'));
});
