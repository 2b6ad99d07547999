import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstSince } from './first-since.ts';

/** Messages at these times, the first of which has this seq: what was written before is not for this reader. */
function room(times: readonly number[], firstSeq: number) {
  let asked = 0;
  const messageFrom = (seq: number): Promise<{ seq: number; sentAt: string } | undefined> => {
    asked += 1;
    const at = Math.max(seq, firstSeq);
    const ms = times[at - firstSeq];
    return Promise.resolve(ms === undefined ? undefined : { seq: at, sentAt: new Date(ms).toISOString() });
  };
  return { messageFrom, lastSeq: firstSeq + times.length - 1, asked: () => asked };
}

it('finds the first message of a time or later, wherever one may begin to read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 51 }),
      async (unsorted, firstSeq, sinceMs) => {
        const times = unsorted.toSorted((a, b) => a - b);
        const { messageFrom, lastSeq } = room(times, firstSeq);
        const found = await firstSince(messageFrom, sinceMs, lastSeq);
        const expected = times.findIndex((ms) => ms >= sinceMs);
        const readable = Math.max(found, firstSeq);
        expect(readable).toBe(expected < 0 ? Math.max(lastSeq + 1, firstSeq) : firstSeq + expected);
      },
    ),
  );
});

it('asks a few questions, however long the room', async () => {
  const { messageFrom, lastSeq, asked } = room(
    Array.from({ length: 100_000 }, (_, i) => i),
    1,
  );
  expect(await firstSince(messageFrom, 70_000, lastSeq)).toBe(70_001);
  expect(asked()).toBeLessThanOrEqual(17);
});
