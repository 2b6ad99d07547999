import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { obtainWrappingKey } from '../src/node/at-rest/wrapping-key-source.ts';
import { entriesInFiles } from '../src/testing/store/sealed-places.ts';
import { sealOfFiles } from '../src/testing/store/test-keys.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const CANARY = 'the words that nobody is to find again';

interface Line {
  readonly seq: number;
  readonly text: string | null;
  readonly gone?: string;
}

/** Real nodes and real programs; what stands in a log is looked for again after seconds instead of hours. */
describe('open rooms, retention and quotas in a cluster', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let ann: ParleyHome;
  let bob: ParleyHome;
  let room: string;

  beforeAll(async () => {
    const env = { CHATD_LOG_HOURS: '0.006' };
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD, env });
    folder = mkdtempSync(join(tmpdir(), 'parley-open-rooms-'));
    [ann, bob] = [new ParleyHome(join(folder, 'ann')), new ParleyHome(join(folder, 'bob'))];
    await ann.json('--endpoint', url(0), 'register', 'ann');
    await bob.json('--endpoint', url(2), 'register', 'bob');
  });
  afterAll(async () => {
    ann.close();
    bob.close();
    await cluster.close();
    rmSync(folder, { recursive: true });
  });

  const url = (i: number): string => apiUrl(cluster.layout.nodes[i]!);
  const ctl = async (...args: string[]): Promise<Record<string, unknown>> => {
    const endpoints = cluster.layout.nodes.map(apiUrl).join();
    const env = { PARLEY_DATA: cluster.layout.dataDir };
    const { code, stdout, stderr } = await runProgram(CHATCTL, ['--endpoint', endpoints, ...args, '--json'], env);
    expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const seen = async (home: ParleyHome): Promise<string[]> =>
    (await home.json<Line>('read', `room:${room}`)).map(({ text, gone }) => text ?? `(${gone})`);
  /** How many files of the log of a node say it. */
  /** Whether any of these nodes' logs has a file that still holds it, sealed as it is. */
  const someLogSays = async (names: readonly string[], text: string): Promise<boolean> => {
    for (const name of names) {
      const { dataDir } = cluster.layout.nodes.find((node) => node.name === name)!;
      const seal = await sealOfFiles(dataDir, 'log', await obtainWrappingKey({ kind: 'beside' }, dataDir));
      for await (const { data } of entriesInFiles(dataDir, seal)) if (Buffer.from(data).includes(text)) return true;
    }
    return false;
  };
  const names = ['n1', 'n2', 'n3'];

  it('lets people find a room, join it through another node, and read each other', async () => {
    const [made] = await ann.json<{ room: string; kind: string }>('room', 'create', 'Town Hall', '--open');
    expect(made!.kind).toBe('open');
    room = made!.room;
    await until('found', async () =>
      (await bob.json<{ room: string }>('room', 'find', 'hall')).some((it) => it.room === room),
    );
    await bob.json('room', 'join', `room:${room}`);
    await bob.json('send', 'Town Hall', 'hello, everybody');
    await ann.json('send', `room:${room}`, CANARY);
    for (const name of names) await until('it is in the log', () => someLogSays([name], CANARY));
    expect(await seen(bob)).toEqual(['hello, everybody', CANARY]);
    expect(await seen(ann)).toEqual(['hello, everybody', CANARY]);
    expect(await ann.json('room', 'members', `room:${room}`)).toMatchObject([
      { account: 'ann', role: 'owner' },
      { account: 'bob', role: 'member' },
    ]);
  });

  it('holds people to their quotas, and says which', async () => {
    expect(await ctl('quota', 'bob', '--messages-per-day', '1')).toMatchObject({ quotas: { messagesPerDay: 1 } });
    await bob.json('send', 'Town Hall', 'the last one today');
    const { code, stderr } = await bob.run('send', 'Town Hall', 'one too many');
    expect(code).not.toBe(0);
    expect(stderr).toContain('as many messages as it may today');
    await ctl('quota', 'bob', '--messages-per-day', 'default');
    await bob.json('send', 'Town Hall', 'as many as I like');
  });

  it('removes what is older than it may be from every node alike, and from the files of their logs', async () => {
    expect(await ctl('retention', '1s')).toEqual({ retentionMs: 1_000 });
    await until('all is gone', async () => (await seen(bob)).every((text) => text === '(expired)'), 60_000);
    await until('all nodes have the same state', async () => {
      const { nodes } = await clusterStatus(cluster.layout);
      const [first] = nodes;
      return nodes.every((node) => node.stateHash !== null && node.stateHash === first!.stateHash);
    });
    await until('no log says it any more', async () => !(await someLogSays(names, CANARY)), 60_000);
    await ctl('retention', 'off');
    await ann.json('send', `room:${room}`, 'and on we go');
    expect((await seen(bob)).at(-1)).toBe('and on we go');
  });
});
