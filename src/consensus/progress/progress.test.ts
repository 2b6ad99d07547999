import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogIndex } from '../types.ts';
import { Progress } from './progress.ts';

const at = (index: number): LogIndex => index as LogIndex;

const progressAt = (match: number, next: number): Progress =>
  Progress.create(
    { match: at(match), next: at(next), isLearner: false, recentActive: true },
    { inflightMessagesMax: 4, inflightBytesMax: Number.POSITIVE_INFINITY },
  );

describe('Progress', () => {
  it('probes from behind a delivered snapshot, and from the match when it failed', () => {
    const delivered = progressAt(1, 5);
    delivered.becomeSnapshot(at(10));
    delivered.becomeProbe();
    expect([delivered.state, delivered.match, delivered.next]).toEqual(['probe', 1, 11]);

    const failed = progressAt(1, 5);
    failed.becomeSnapshot(at(10));
    failed.pendingSnapshot = at(0);
    failed.becomeProbe();
    expect(failed.next).toBe(2);
  });

  it('sends one append at a time while probing, many while replicating, none during a snapshot', () => {
    const progress = progressAt(0, 1);
    progress.sentEntries(3, 30);
    expect(progress.paused).toBe(true);
    expect(progress.next).toBe(1);

    progress.becomeReplicate();
    for (let sent = 0; sent < 4; sent += 1) {
      expect(progress.paused).toBe(false);
      progress.sentEntries(2, 20);
    }
    expect(progress.next).toBe(9);
    expect(progress.paused).toBe(true);

    progress.becomeSnapshot(at(20));
    expect(progress.paused).toBe(true);
    expect(() => progress.sentEntries(1, 1)).toThrow('waits for a snapshot');
  });

  it('takes acknowledgements only forward', () => {
    const progress = progressAt(3, 8);
    expect(progress.maybeUpdate(at(3))).toBe(false);
    expect(progress.maybeUpdate(at(5))).toBe(true);
    expect([progress.match, progress.next]).toEqual([5, 8]);
    expect(progress.maybeUpdate(at(9))).toBe(true);
    expect([progress.match, progress.next]).toEqual([9, 10]);
  });

  it('ignores rejections that are too old to be meant', () => {
    const probing = progressAt(2, 9);
    expect(probing.maybeDecrease(at(6), at(4))).toBe(false);
    expect(probing.maybeDecrease(at(8), at(4))).toBe(true);
    expect(probing.next).toBe(5);

    const replicating = progressAt(5, 6);
    replicating.becomeReplicate();
    expect(replicating.maybeDecrease(at(5), at(2))).toBe(false);
    expect(replicating.maybeDecrease(at(7), at(2))).toBe(true);
    expect(replicating.next).toBe(6);
  });

  it('keeps match < next whatever happens', () => {
    const events = fc.array(
      fc.tuple(
        fc.constantFrom('ack', 'reject', 'probe', 'replicate', 'snapshot', 'send', 'restart'),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
      ),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(events, (plan) => {
        const progress = progressAt(0, 1);
        for (const [event, a, b] of plan) {
          if (event === 'ack') progress.maybeUpdate(at(a));
          else if (event === 'reject') progress.maybeDecrease(at(a), at(b));
          else if (event === 'probe') progress.becomeProbe();
          else if (event === 'replicate') progress.becomeReplicate();
          else if (event === 'snapshot') progress.becomeSnapshot(at(a));
          else if (event === 'restart') progress.restart(at(a + 1));
          else if (!progress.paused) progress.sentEntries(a % 4, b);
          expect(progress.match).toBeLessThan(progress.next);
        }
      }),
    );
  });
});
