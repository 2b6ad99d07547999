import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import { ClusterClock } from './cluster-clock.ts';
import type { NodeName } from '../protocol/ids.ts';

const OTHERS = ['n2', 'n3', 'n4', 'n5'] as NodeName[];
const HOUR_MS = 3_600_000;

function start(others = OTHERS): { clock: ManualClock; cluster: ClusterClock } {
  const clock = new ManualClock();
  return { clock, cluster: new ClusterClock(clock, () => others) };
}

describe('the time of the cluster', () => {
  it('is that of the node while it has heard nobody', () => {
    const { clock, cluster } = start();
    expect(cluster.nowMs()).toBe(clock.wallMs());
  });

  it('goes on between what others tell', () => {
    const { clock, cluster } = start(OTHERS.slice(0, 2));
    const ahead = clock.wallMs() + 2_000;
    for (const node of OTHERS) cluster.heard(node, ahead);
    clock.advance(1_500);
    expect(cluster.nowMs()).toBe(ahead + 1_500);
  });

  it('forgets who is silent, and ignores who does not vote', () => {
    const { clock, cluster } = start(OTHERS.slice(0, 2));
    for (const node of OTHERS) cluster.heard(node, clock.wallMs() + HOUR_MS);
    expect(cluster.nowMs()).toBe(clock.wallMs() + HOUR_MS);
    clock.advance(5_001);
    expect(cluster.nowMs()).toBe(clock.wallMs());
    cluster.heard(OTHERS[3]!, clock.wallMs() + HOUR_MS);
    cluster.heard(OTHERS[0]!, Number.NaN);
    expect(cluster.nowMs()).toBe(clock.wallMs());
  });

  it('takes the earlier of two', () => {
    const { clock, cluster } = start(OTHERS.slice(0, 1));
    cluster.heard(OTHERS[0]!, clock.wallMs() + HOUR_MS);
    expect(cluster.nowMs()).toBe(clock.wallMs());
    cluster.heard(OTHERS[0]!, clock.wallMs() - 1_000);
    expect(cluster.nowMs()).toBe(clock.wallMs() - 1_000);
  });

  it('stays between the right clocks as long as they are a majority', () => {
    const offset = fc.integer({ min: -100, max: 100 });
    const wrong = fc.integer({ min: -10 * HOUR_MS, max: 10 * HOUR_MS });
    fc.assert(
      fc.property(offset, offset, wrong, wrong, (a, b, c, d) => {
        const { clock, cluster } = start();
        for (const [place, off] of [a, b, c, d].entries()) cluster.heard(OTHERS[place]!, clock.wallMs() + off);
        expect(Math.abs(cluster.nowMs() - clock.wallMs())).toBeLessThanOrEqual(100);
      }),
    );
  });
});
