import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** People on different nodes of one cluster, who do to each other's messages what they may. */
describe('parley, with messages', () => {
  let dir: string;
  let cluster: ScratchCluster;
  let urls: string[];
  const homes: ParleyHome[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'parley-messages-'));
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    urls = cluster.layout.nodes.map(apiUrl);
  });
  afterAll(async () => {
    for (const home of homes) home.close();
    await cluster.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Somebody who is registered through this node and stays with it. */
  const register = async (name: string, node: number): Promise<ParleyHome> => {
    const home = new ParleyHome(join(dir, name), { PARLEY_DATA: cluster.layout.dataDir });
    homes.push(home);
    await home.json('--endpoint', urls[node]!, 'register', name);
    return home;
  };

  it('replies, edits, reacts and deletes, and every node shows the same', async () => {
    const [ann, bob] = [await register('ann', 0), await register('bob', 1)];
    await ann.json('send', '@bob', 'Lunch, @bob?');
    expect(await bob.json('reply', '@ann', '1', 'At noon')).toMatchObject([{ seq: 2, state: 'sent' }]);
    await bob.json('edit', '@ann', '2', 'At one');
    await ann.json('react', '@bob', '2', '👍');
    await ann.json('react', '@bob', '2', '🎉');
    await ann.json('react', '@bob', '2', '🎉', '--remove');
    await ann.json('send', '@bob', 'a slip', '--thread', '1');
    expect(await ann.json('delete', '@bob', '6')).toEqual([
      { room: expect.stringMatching(/^R/), seqs: [6], state: 'deleted' },
    ]);
    const shown = [
      { seq: 1, text: 'Lunch, @bob?', mentions: ['bob'] },
      { seq: 2, text: 'At noon', replyTo: 1 },
      { seq: 3, text: 'At one', edits: 2 },
      { seq: 4, text: null, reaction: '👍', reactsTo: 2 },
      { seq: 5, text: null, gone: 'deleted' },
      { seq: 6, text: null, gone: 'deleted' },
    ];
    for (const url of urls) expect(await bob.json('--endpoint', url, 'read', '@ann')).toMatchObject(shown);
    const { stdout } = await bob.run('read', '@ann', '--numbers');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.slice(17)),
    ).toEqual([
      '#1 ann: Lunch, @bob?',
      '#2 bob: [to #1] At noon',
      '#3 bob: [new text of #2] At one',
      '#4 ann: 👍 to #2',
      '#5 ann: [deleted]',
      '#6 ann: [deleted]',
    ]);
    expect(await bob.run('delete', '@ann', '1')).toMatchObject({ code: 5 });
    expect(await bob.run('edit', '@ann', '1', 'not mine')).toMatchObject({ code: 5 });
    expect(await bob.run('react', '@ann', '6', '👍')).toMatchObject({ code: 6 });
    expect(await bob.run('react', '@ann', '0', '👍')).toMatchObject({ code: 2 });
  });
});
