import { join } from 'node:path';
import { truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { damage } from '../scripts/chaos/damage/damage.ts';
import { fateOf, replace } from '../scripts/chaos/damage/fates.ts';
import { LiveCluster } from '../scripts/chaos/damage/live-cluster.ts';

const COPIES = 15;

describe('a node whose files are damaged while the others serve', () => {
  it('is repaired by itself, whatever file it is', async () => {
    const { tally, troubles, verdict, converged } = await damage({
      copies: COPIES,
      messages: 100,
      spread: 'kinds',
      seed: 11,
      historyFile: null,
      keepData: false,
      say: () => {},
    });
    expect(troubles).toEqual([]);
    expect(tally.selfRepaired(), tally.table()).toBe(1);
    expect(tally.total()).toBe(COPIES);
    expect(verdict.violations).toEqual([]);
    expect(converged).toBe(true);
  }, 300_000);

  it('asks to be replaced when it cannot know what it promised, and is well once that was done', async () => {
    const cluster = await LiveCluster.start(3);
    try {
      const [node] = cluster.nodes;
      await node!.stop();
      for (const name of ['mark', 'mark.copy']) await truncate(join(node!.place.dataDir, name), 10);
      await node!.start();
      expect(await fateOf(cluster, node!)).toBe('replace');
      expect(await replace(cluster, node!)).toBe('unharmed');
    } finally {
      await cluster.close({ keepData: false });
    }
  }, 300_000);
});
