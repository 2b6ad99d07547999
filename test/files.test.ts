import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { isReady, whenReady } from '../src/cli/local-cluster/ready.ts';
import { nodePlatform } from '../src/cli/node-platform.ts';
import { FolderSpool } from '../src/cli/store/folder-spool.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { ParleyClient } from '../src/client/client.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';
import type { Platform } from '../src/client/platform.ts';

const SIZE = 6 * 1024 * 1024 + 11;
const WAIT_MS = 60_000;

/** Real nodes, real programs, real files. */
describe('files in a cluster', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let bob: ParleyHome;
  let ann: ParleyClient;
  let platform: Platform;
  /** Stands between Ann and the nodes. */
  let onRequest: (method: string, path: string) => Promise<void> = () => Promise.resolve();

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    folder = mkdtempSync(join(tmpdir(), 'parley-files-'));
    bob = new ParleyHome(join(folder, 'bob'));
    await bob.json('--endpoint', apiUrl(place('n3')), 'register', 'bob');
    const node = nodePlatform(
      new LevelStore(join(folder, 'ann', 'store')),
      new FolderSpool(join(folder, 'ann', 'spool')),
    );
    platform = {
      ...node,
      fetch: async (url, init) => {
        await onRequest(init.method ?? 'GET', new URL(url).pathname);
        return node.fetch(url, init);
      },
    };
    ann = await ParleyClient.open(platform, { endpoints: cluster.layout.nodes.map(apiUrl), fallback: [] });
    await ann.account.register('ann', undefined);
  });
  afterAll(async () => {
    await ann.close();
    bob.close();
    await cluster.close();
    rmSync(folder, { recursive: true });
  });

  const place = (name: string): NodePlace => cluster.layout.nodes.find((node) => node.name === name)!;
  const whole = (name: string): string[] => filesOf(name).filter((path) => path.endsWith('.data'));
  function filesOf(name: string): string[] {
    const root = join(place(name).dataDir, 'blobs');
    if (!existsSync(root)) return [];
    const entries = readdirSync(root, { recursive: true, withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  }
  /** By id, which is the hash of what was sent; each node seals the bytes under keys of its own. */
  const heldBy = (name: string): string =>
    whole(name)
      .map((path) => `${basename(path)} ${statSync(path).size}`)
      .toSorted()
      .join();
  const sameEverywhere = (): boolean => new Set(['n1', 'n2', 'n3'].map(heldBy)).size === 1;

  async function send(bytes: Uint8Array, onUploaded = (_sent: number, _total: number): void => {}): Promise<string> {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytes;
    }
    const file = { name: 'a.bin', mediaType: 'application/octet-stream', bytes: source() };
    const { result } = await ann.files.send('@bob', file, { timeoutMs: WAIT_MS, onUploaded });
    expect(result.state).toBe('sent');
    return result.id;
  }
  /** As Bob gets it, through n3. */
  async function get(id: string): Promise<Buffer> {
    await bob.json('read', '@ann');
    const [got] = await bob.json<{ path: string }>('file', 'get', id, '--out', join(folder, id));
    return readFileSync(got!.path);
  }
  async function restart(name: string): Promise<void> {
    cluster.supervisor.startNode(name);
    await until(name, () => isReady(place(name)), WAIT_MS);
  }

  it('are sent through one node and got through another, by people', async () => {
    const bytes = randomBytes(SIZE);
    const path = join(folder, 'holiday.jpg');
    writeFileSync(path, bytes);
    const carl = new ParleyHome(join(folder, 'carl'));
    await carl.json('--endpoint', apiUrl(place('n1')), 'register', 'carl');
    const [sent] = await carl.json('file', 'send', '@bob', path, '--text', 'the beach');
    expect(sent).toMatchObject({ state: 'sent', seq: 1, name: 'holiday.jpg' });
    const [line] = await bob.json('read', '@carl');
    expect(line).toMatchObject({
      text: 'the beach',
      file: { name: 'holiday.jpg', mediaType: 'image/jpeg', sizeBytes: SIZE },
    });
    expect(JSON.stringify(line)).not.toContain('"key"');
    expect((await bob.run('read', '@carl')).stdout).toMatch(
      /the beach \[file holiday\.jpg, 6\.0 MiB: parley file get /,
    );
    const id = String(line!['id']);
    const [got] = await bob.json('file', 'get', id, '--out', join(folder, 'out'));
    expect(got).toMatchObject({ path: join(folder, 'out', 'holiday.jpg'), sizeBytes: SIZE });
    expect(readFileSync(join(folder, 'out', 'holiday.jpg')).equals(bytes)).toBe(true);
    const again = await bob.run('file', 'get', id, '--out', join(folder, 'out'));
    expect([again.code, again.stderr]).toEqual([7, expect.stringContaining('is there already')]);
    expect((await bob.run('file', 'get', id, '--out', join(folder, 'out'), '--force')).code).toBe(0);
    expect(readdirSync(join(folder, 'out'))).toEqual(['holiday.jpg']);
    const evil = await carl.pipe(bytes.subarray(0, 9), 'file', 'send', '@bob', '-', '--name', '../../../evil.txt');
    expect(evil.code).toBe(0);
    const [, second] = await bob.json('read', '@carl');
    const [harmless] = await bob.json('file', 'get', String(second!['id']), '--out', join(folder, 'out'));
    expect(harmless).toMatchObject({ path: join(folder, 'out', 'evil.txt') });
    expect((await carl.run('file', 'send', '@bob', folder)).code).toBe(2);
    expect((await carl.run('file', 'send', '@bob', join(folder, 'nothing'))).code).toBe(1);
    expect((await bob.run('file', 'get', 'nothing')).code).toBe(6);
    await until('all have them', sameEverywhere, WAIT_MS);
  });

  it('go on through another node when the one that takes them is killed, and the killed one gets them later', async () => {
    const bytes = randomBytes(SIZE);
    const killed: Promise<void>[] = [];
    const id = await send(bytes, (sent, total) => {
      if (sent > total / 3 && killed.length === 0)
        killed.push(cluster.supervisor.killNode('n1', { withSidecar: true }));
    });
    expect(killed).toHaveLength(1);
    await Promise.all(killed);
    expect((await get(id)).equals(bytes)).toBe(true);
    await restart('n1');
    await until('n1 has it too', sameEverywhere, WAIT_MS);
  });

  it('are there for a message that comes after the leader was killed', async () => {
    const bytes = randomBytes(SIZE);
    let leader: string | null = null;
    onRequest = async (method, path) => {
      if (method !== 'PUT' || !path.includes('/messages/') || leader !== null) return;
      ({ leader } = await clusterStatus(cluster.layout));
      await cluster.supervisor.killNode(leader!, { withSidecar: true });
    };
    const id = await send(bytes);
    onRequest = () => Promise.resolve();
    expect(leader).not.toBeNull();
    await restart(leader!);
    expect((await get(id)).equals(bytes)).toBe(true);
    await until('all have it', sameEverywhere, WAIT_MS);
  });

  it('are served right by a node whose disk has damaged them, and mended', async () => {
    const bytes = randomBytes(SIZE);
    const before = new Set(whole('n3'));
    const id = await send(bytes);
    await until('n3 has it', () => whole('n3').some((path) => !before.has(path)), WAIT_MS);
    const path = whole('n3').find((one) => !before.has(one))!;
    const damaged = readFileSync(path);
    damaged[1_000_000]! ^= 1;
    writeFileSync(path, damaged);
    expect((await get(id)).equals(bytes)).toBe(true);
    await until('it is mended', () => !readFileSync(path).equals(damaged), WAIT_MS);
    expect(sameEverywhere()).toBe(true);
  });

  it('come to a node that was emptied and replaced', async () => {
    await cluster.supervisor.killNode('n2', { withSidecar: true });
    const held = heldBy('n1');
    const { dataDir } = place('n2');
    for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true });
    cluster.supervisor.startNode('n2');
    const replace = () =>
      runProgram(CHATCTL, ['--endpoint', apiUrl(place('n1')), 'member', 'replace', 'n2'], {
        PARLEY_DATA: cluster.layout.dataDir,
      });
    await until('n2 is let in again', async () => (await replace()).code === 0, WAIT_MS);
    expect(await whenReady(cluster.layout, { timeoutMs: WAIT_MS })).toBe(true);
    await until('n2 has them all', () => heldBy('n2') === held, WAIT_MS);
  });

  it('are gone from every disk with their message', async () => {
    const before = whole('n1').length;
    const id = await send(randomBytes(SIZE));
    await until('all have it', () => ['n1', 'n2', 'n3'].every((name) => whole(name).length === before + 1), WAIT_MS);
    const lines = await bob.json('read', '@ann');
    const { seq } = lines.find((line) => line['id'] === id)!;
    await ann.messages.delete('@bob', Number(seq), WAIT_MS);
    await until('it is gone', () => ['n1', 'n2', 'n3'].every((name) => whole(name).length === before), WAIT_MS);
    expect(sameEverywhere()).toBe(true);
    expect((await bob.run('file', 'get', id, '--out', join(folder, 'gone'))).code).toBe(6);
  });
});
