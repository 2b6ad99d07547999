import { describe, expect, it } from 'vitest';
import { distributionOf } from './percentiles.ts';
import { writeGaps } from './write-gaps.ts';
import type { HistoryRecord } from './history.ts';

const ok = (t: number, node: string): HistoryRecord => ({ type: 'ok', t, op: t, node, seq: t });
const fault: HistoryRecord = { type: 'fault', t: 100, kind: 'kill-leader', node: 'n1' };

describe('writeGaps', () => {
  it('measures the pause that clients of surviving nodes see', () => {
    const history = [ok(90, 'n2'), ok(95, 'n3'), fault, ok(101, 'n1'), ok(300, 'n2'), ok(310, 'n3')];
    expect(writeGaps(history, 1000).map(({ gapMs }) => gapMs)).toEqual([205]);
  });

  it('sees a pause that starts a little after the fault', () => {
    expect(writeGaps([ok(99, 'n2'), fault, ok(104, 'n2'), ok(400, 'n2')], 1000)[0]?.gapMs).toBe(296);
  });

  it('calls a fault that nothing followed an infinite gap', () => {
    expect(writeGaps([ok(99, 'n2'), fault], 1000)[0]?.gapMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('summarises by nearest rank', () => {
    expect(distributionOf([4, 1, 3, 2])).toEqual({ n: 4, p50: 2, p99: 4, max: 4 });
  });
});
