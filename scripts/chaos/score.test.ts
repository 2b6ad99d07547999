import { describe, expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import { distributionOf } from './percentiles.ts';
import { scoreLine } from './score.ts';
import type { HistoryRecord } from './history.ts';

const RUN = { seed: 7, faults: { kinds: 2, count: 3 }, times: { of: 'unavailable', ms: distributionOf([1, 2, 3]) } };
const scoreOf = (records: readonly HistoryRecord[]): string =>
  scoreLine({ records: [...records] }, checkHistory([]), RUN);
const healed = (node: string): HistoryRecord => ({ type: 'healed', t: 1, node });

describe('the score line', () => {
  it('names the seed and what happened', () => {
    const line = scoreOf([healed('n1'), healed('n2')]);
    expect(line).toMatch(/^faults=2 kinds\/3 \| .* \| unavailable 2\/3\/3 ms \| 7 [0-9a-f]{12}$/);
    expect(scoreOf([healed('n1'), healed('n2')])).toBe(line);
    expect(scoreOf([healed('n2'), healed('n1')])).not.toBe(line);
  });

  it('is told of a history that is longer than a text can be', () => {
    const long = healed('n'.repeat(2 ** 26));
    expect(scoreOf(Array.from({ length: 9 }, () => long))).toMatch(/7 [0-9a-f]{12}$/);
  });
});
