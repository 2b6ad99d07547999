import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { placesBelow } from './canary.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { DiskKeysJson } from '../src/protocol/http/schemas.ts';

/** Words that stand nowhere else: what was typed, names of people and rooms, what a file is called and holds. */
const WORDS = {
  text: 'periwinkle-thunderclap-omnibus',
  account: 'quixotic-zephyrine',
  displayName: 'Marmalade Featherstonehaugh',
  room: 'Hall Of Whispering Gantries',
  file: 'a-catalogue-of-obelisks',
} as const;

describe('the disks of a cluster', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let ann: ParleyHome;

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    folder = mkdtempSync(join(tmpdir(), 'parley-at-rest-'));
    const endpoints = cluster.layout.nodes.map(apiUrl).join(',');
    ann = new ParleyHome(join(folder, 'ann'));
    await ann.json('--endpoint', endpoints, 'register', WORDS.account);
  });
  afterAll(async () => {
    ann.close();
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ctl = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
  const diskKeys = async (verb: 'status' | 'rotate'): Promise<DiskKeysJson[]> => {
    const { stdout } = await ctl('disk-keys', verb, '--json');
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DiskKeysJson);
  };

  it('say nothing of what people wrote, are called, or look for', async () => {
    await ann.json('profile', 'set', '--name', WORDS.displayName);
    await ann.json('room', 'create', WORDS.room, '--open');
    await ann.json('send', WORDS.room, WORDS.text);
    const file = join(folder, WORDS.file);
    writeFileSync(file, `${WORDS.text} `.repeat(20_000));
    await ann.json('room', 'create', 'Files');
    await ann.json('file', 'send', 'Files', file);
    expect((await ctl('snapshot')).code).toBe(0);
    // It is there, for those who may read it.
    expect((await ann.json<{ text: string }>('read', WORDS.room)).some(({ text }) => text === WORDS.text)).toBe(true);
    for (const { dataDir } of cluster.layout.nodes) expect(placesBelow(dataDir, Object.values(WORDS))).toEqual([]);
    // The search finds what there is to be found.
    expect(placesBelow(folder, [WORDS.text])).not.toEqual([]);
  });

  it('are sealed under new keys while the cluster serves, which destroys the old ones', async () => {
    expect((await diskKeys('status')).map(({ generation }) => generation)).toEqual([1, 1, 1]);
    expect((await diskKeys('rotate')).map(({ generation }) => generation)).toEqual([2, 2, 2]);
    for (let sent = 0; sent < 5; sent += 1) await ann.json('send', WORDS.room, `${WORDS.text} ${sent}`);
    await until(
      'the old keys are gone',
      async () => (await diskKeys('status')).every(({ retiring }) => retiring.length === 0),
      60_000,
    );
    expect((await ctl('verify', '--deep')).code).toBe(0);
    const [victim] = cluster.layout.nodes;
    await cluster.supervisor.stopNode(victim!.name);
    cluster.supervisor.startNode(victim!.name);
    await until('health', async () => (await ctl('status')).code === 0, 60_000);
    expect((await ctl('verify', '--deep')).code).toBe(0);
    for (const { dataDir } of cluster.layout.nodes) expect(placesBelow(dataDir, Object.values(WORDS))).toEqual([]);
  });
});
