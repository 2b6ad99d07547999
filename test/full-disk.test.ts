import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { requestJson } from '../scripts/load/http.ts';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { isReady } from '../src/cli/local-cluster/ready.ts';
import { TestClient } from '../src/testing/client/test-client.ts';
import { mountProblem, SmallFilesystem } from '../src/testing/small-filesystem.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { Person } from '../scripts/load/person.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { SendResult } from '../src/client/composer.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

const MIB = 1024 * 1024;
/** A tenth of it, 6.4 MiB, is the reserve; below a quarter of that nothing is written any more. */
const DISK_MIB = 64;
const LOW_BYTES = 4 * MIB;

const problem = mountProblem();
if (problem !== undefined) process.stderr.write(`test/full-disk.test.ts is skipped: ${problem}\n`);

/** Real nodes on real file systems that fill up. */
describe.skipIf(problem !== undefined)('a cluster whose disks fill up', () => {
  let cluster: ScratchCluster;
  const disks = new Map<string, SmallFilesystem>();
  const said: string[] = [];
  let people = 0;
  let ann: Person;

  beforeAll(async () => {
    cluster = await startScratchCluster({
      nodes: 3,
      restart: true,
      say: (sentence) => said.push(sentence),
      chatdFile: CHATD,
    });
    for (const { name, dataDir } of cluster.layout.nodes) {
      await cluster.supervisor.stopNode(name);
      await rename(dataDir, `${dataDir}-before`);
      await mkdir(dataDir);
      disks.set(name, new SmallFilesystem(dataDir, DISK_MIB));
      await cp(`${dataDir}-before`, dataDir, { recursive: true });
      cluster.supervisor.startNode(name);
      await until(name, () => isReady(cluster.layout.nodes[indexOf(name)]!));
    }
    ann = await createPerson(urlOf('n1'), 'ann');
  });
  afterAll(async () => {
    await cluster.supervisor.stop();
    for (const disk of disks.values()) disk.unmount();
    await cluster.close();
  });

  const indexOf = (name: string): number => cluster.layout.nodes.findIndex((node) => node.name === name);
  const urlOf = (name: string): string => apiUrl(cluster.layout.nodes[indexOf(name)]!);
  const status = (): Promise<StatusJson> => clusterStatus(cluster.layout);
  const nodeIn = ({ nodes }: StatusJson, name: string): StatusJson['nodes'][number] =>
    nodes.find(({ id }) => id === name)!;

  async function write(name: string): Promise<void> {
    people += 1;
    await createPerson(urlOf(name), `person-${people}`);
  }
  async function expectRefused(name: string): Promise<void> {
    await expect(createPerson(urlOf(name), 'nobody')).rejects.toMatchObject({ code: 'disk_low' });
  }
  async function expectAllThere(): Promise<void> {
    await until('the same state everywhere', async () => {
      const { nodes, healthy } = await status();
      return healthy && new Set(nodes.map((node) => `${node.stateHash}@${node.stateHashIndex}`)).size === 1;
    });
    for (let person = 1; person <= people; person += 1) {
      await expect(createPerson(urlOf('n1'), `person-${person}`)).rejects.toThrow(/taken/i);
    }
  }

  it('hands leadership to a node that has room, and refuses only where there is none', async () => {
    const { leader } = await status();
    disks.get(leader!)!.leave(LOW_BYTES);
    await until('another leads', async () => ![leader, null].includes((await status()).leader));
    const now = await status();
    expect(nodeIn(now, leader!)).toMatchObject({ up: true, diskLow: true, role: 'follower' });
    expect(nodeIn(now, leader!).problem).toContain('nearly full');
    expect(now.healthy).toBe(false);
    await expectRefused(leader!);
    const ready = await fetch(`${urlOf(leader!)}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('nearly full')]);
    for (const { name } of cluster.layout.nodes) if (name !== leader) await write(name);
    await until(`${leader} follows`, async () => {
      const { nodes } = await status();
      return new Set(nodes.map(({ appliedIndex }) => appliedIndex)).size === 1;
    });
    disks.get(leader!)!.empty();
    await until(leader!, () => isReady(cluster.layout.nodes[indexOf(leader!)]!));
    await write(leader!);
    await expectAllThere();
  });

  it('refuses writes and answers reads while no node has room, and goes on when there is some', async () => {
    for (const disk of disks.values()) disk.leave(LOW_BYTES);
    await until('all are low', async () => (await status()).nodes.every(({ diskLow }) => diskLow));
    for (const name of disks.keys()) {
      await expectRefused(name);
      const rooms = await requestJson<{ rooms: unknown[] }>(urlOf(name), 'GET', '/v1/rooms', {
        token: ann.session.token,
      });
      expect(rooms.rooms).toEqual([]);
    }
    const shown = await runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), 'status'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(shown).toMatchObject({ code: 1, stdout: expect.stringContaining('degraded') });
    for (const disk of disks.values()) disk.empty();
    await until('all have room', async () => (await status()).healthy);
    await write('n1');
    await expectAllThere();
  });

  describe('files', () => {
    let carol: TestClient;
    beforeAll(async () => {
      carol = await TestClient.registered('carol', { endpoints: cluster.layout.nodes.map(apiUrl) });
    });
    afterAll(() => carol.client.close());

    const blobsOn = (name: string): string[] => {
      const root = join(cluster.layout.nodes[indexOf(name)]!.dataDir, 'blobs');
      const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
      return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).toSorted();
    };
    const everywhere = (): string[] => [...disks.keys()].map((name) => blobsOn(name).join());
    async function* filled(bytes: number): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes; at += MIB) yield randomBytes(Math.min(MIB, bytes - at));
    }
    const send = async (bytes: number, timeoutMs: number): Promise<SendResult> => {
      const file = { name: 'a.bin', mediaType: 'application/octet-stream', bytes: filled(bytes) };
      return (await carol.client.files.send('@ann', file, { timeoutMs })).result;
    };
    /** Waits until the nodes have seen how much room there is. */
    const seen = (names: readonly string[], mebibytes: number): Promise<void> =>
      until(`at most ${mebibytes} MiB free`, async () => {
        const now = await status();
        return names.every((name) => (nodeIn(now, name).diskFreeBytes ?? Infinity) <= mebibytes * MIB);
      });

    it('are refused where they do not fit, with nothing kept of them, and go out once there is room', async () => {
      for (const disk of disks.values()) disk.leave(20 * MIB);
      await seen([...disks.keys()], 20);
      const saidBefore = said.length;
      expect(await send(30 * MIB, 3_000)).toMatchObject({ state: 'queued', reason: { code: 'disk_low' } });
      expect(everywhere()).toEqual(['', '', '']);
      expect((await status()).nodes.every(({ up, diskLow }) => up && !diskLow)).toBe(true);
      for (const disk of disks.values()) disk.empty();
      await until('it is sent', async () => (await carol.client.flush(5_000).catch(() => null))?.sent.size === 1);
      await until('all have it', () => new Set(everywhere()).size === 1 && blobsOn('n1').length === 2);
      expect(said.slice(saidBefore)).toEqual([]);
    });

    it('fill no disk that is low, wherever they come from, and are there once it has room', async () => {
      const before = blobsOn('n2');
      disks.get('n2')!.leave(LOW_BYTES);
      await seen(['n2'], LOW_BYTES / MIB);
      expect(await send(MIB, 60_000)).toMatchObject({ state: 'sent' });
      await until(
        'n3 has it',
        () => blobsOn('n3').length === before.length + 2 && blobsOn('n1').length === before.length + 2,
      );
      expect(blobsOn('n2')).toEqual(before);
      disks.get('n2')!.empty();
      await until('n2 has it', () => new Set(everywhere()).size === 1, 60_000);
    });
  });

  it('stops a node whose disk is full, goes on without it, and has it back when there is room', async () => {
    const { leader } = await status();
    const victim = [...disks.keys()].find((name) => name !== leader)!;
    disks.get(victim)!.leave(0);
    await until(`${victim} ends`, async () => !nodeIn(await status(), victim).up);
    expect(said.some((sentence) => sentence.startsWith(`${victim} died`))).toBe(true);
    for (const name of disks.keys()) if (name !== victim) await write(name);
    await until(`${victim} waits`, async () => {
      const log = await readFile(join(cluster.layout.nodes[indexOf(victim)]!.dataDir, 'chatd.log'), 'utf8');
      return log.includes('waiting for room') || disks.get(victim)!.freeBytes === 0;
    });
    disks.get(victim)!.empty();
    await until(victim, () => isReady(cluster.layout.nodes[indexOf(victim)]!), 60_000);
    await write(victim);
    await expectAllThere();
  });
});
