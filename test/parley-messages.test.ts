import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { linesOf, ParleyHome } from './parley-home.ts';
import { RpcHome } from './rpc-home.ts';
import { CHATD } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** People on different nodes of one cluster, who do to each other's messages what they may. */
describe('parley, with messages', () => {
  let dir: string;
  let cluster: ScratchCluster;
  let urls: string[];
  const homes: RpcHome[] = [];

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
  const register = async (name: string, node: number): Promise<RpcHome> => {
    const home = new RpcHome(join(dir, name), { PARLEY_DATA: cluster.layout.dataDir }, urls[node]!);
    homes.push(home);
    await home.json('register', name);
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
    for (const [i, url] of urls.entries()) {
      const elsewhere = new ParleyHome(join(dir, `bob-${i}`));
      cpSync(join(dir, 'bob'), elsewhere.dir, { recursive: true });
      expect(await elsewhere.json('--endpoint', url, 'read', '@ann')).toMatchObject(shown);
    }
    const { stdout } = await new ParleyHome(join(dir, 'bob-0')).run('read', '@ann', '--numbers');
    expect(linesOf(stdout).map((line) => line.slice(17))).toEqual([
      '#1 ann: Lunch, @bob?',
      '#2 bob: [to #1] At noon',
      '#3 bob: [new text of #2] At one',
      '#4 ann: 👍 to #2',
      '#5 ann: [deleted]',
      '#6 ann: [deleted]',
    ]);
    expect(await bob.refusal('delete', '@ann', '1')).toBe('forbidden');
    expect(await bob.refusal('edit', '@ann', '1', 'not mine')).toBe('forbidden');
    expect(await bob.refusal('react', '@ann', '6', '👍')).toBe('no_such_message');
    expect(await bob.refusal('react', '@ann', '0', '👍')).toBe('usage');
  });

  it('finds messages by their words, edits and deletions considered', async () => {
    const [ida, jon] = [await register('ida', 0), await register('jon', 2)];
    await ida.json('send', '@jon', 'The Crème is in the fridge');
    await ida.json('send', '@jon', 'bring cremes');
    await ida.json('send', '@jon', 'cream');
    await ida.json('edit', '@jon', '2', 'bring nothing');
    const seqs = async (...words: string[]): Promise<unknown[]> =>
      (await jon.json('search', ...words)).map(({ seq, text }) => [seq, text]);
    expect(await seqs('creme')).toEqual([[1, 'The Crème is in the fridge']]);
    expect(await seqs('BRING', 'noth')).toEqual([[2, 'bring nothing']]);
    expect(await seqs('cre', '--room', '@ida', '--limit', '1')).toEqual([[3, 'cream']]);
    await ida.json('delete', '@jon', '1');
    expect(await seqs('creme')).toEqual([]);
    expect(await jon.refusal('search', '…')).toBe('usage');
    const { stdout } = await new ParleyHome(join(dir, 'jon')).run('search', 'cream');
    expect(linesOf(stdout).map((line) => line.slice(17))).toEqual(['#3 @ida ida: cream']);
  });

  it('runs a room: name, roles, links, pins, mutes, archive, leaving', async () => {
    const [eve, fay, gus] = [await register('eve', 0), await register('fay', 1), await register('gus', 2)];
    const [made] = await eve.json('room', 'create', 'mill', 'fay');
    const id = `room:${String(made!['room'])}`;
    await eve.json('room', 'rename', 'mill', 'Old mill');
    await fay.json('room', 'topic', 'Old mill', 'who grinds when');
    expect(await eve.json('rooms')).toEqual([
      { room: made!['room'], kind: 'group', name: 'Old mill', topic: 'who grinds when', lastSeq: 0 },
    ]);

    expect(await fay.refusal('room', 'invite', id)).toBe('forbidden');
    await eve.json('room', 'role', id, 'fay', 'admin');
    const [invite] = await fay.json('room', 'invite', id, '--for', '2h');
    expect(await eve.json('room', 'invites', id)).toMatchObject([{ id: invite!['id'], by: 'fay', usesLeft: 1 }]);
    await gus.json('room', 'join', String(invite!['link']));
    expect(await gus.refusal('room', 'join', String(invite!['link']))).toBe('no_such_link');
    expect(await eve.json('room', 'invites', id)).toEqual([]);
    await gus.json('send', id, 'I am in');
    await fay.json('room', 'pin', id, '1');
    await fay.json('room', 'unpin', id, '1');

    await fay.json('room', 'mute', id, 'gus', '--for', '2h');
    expect(await gus.refusal('send', id, 'hello?')).toBe('muted');
    await fay.json('room', 'mute', id, 'gus', '--undo');
    await gus.json('send', id, 'hello again');
    await fay.json('room', 'archive', id);
    expect(await gus.refusal('send', id, 'too late')).toBe('room_archived');
    await fay.json('room', 'archive', id, '--undo');

    expect(await eve.refusal('room', 'leave', id)).toBe('last_owner');
    await eve.json('room', 'role', id, 'fay', 'owner');
    await eve.json('room', 'leave', id);
    await fay.json('room', 'remove', id, 'gus');
    expect(await gus.refusal('read', id)).toBe('no_such_room');
    expect(await eve.json('rooms')).toEqual([]);
    expect(await fay.json('read', id)).toMatchObject([{ text: 'I am in' }, { text: 'hello again' }]);
  });
});
