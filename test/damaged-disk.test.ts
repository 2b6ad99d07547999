import { cp, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { isReady, whenReady } from '../src/cli/local-cluster/ready.ts';
import { SIDES } from '../src/node/store/mark-copies.ts';
import { SLOT_BYTES } from '../src/node/store/mark-slot.ts';
import { scrape } from '../src/testing/scrape.ts';
import { copyImage, filesOf, flipBit, removeImage } from '../src/testing/store/store-images.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

/** Real nodes, real files: what one flipped bit on the disk of n3 does to the cluster. */
describe('a node with a damaged disk', () => {
  let cluster: ScratchCluster;
  let place: NodePlace;
  /** The files of n3 as it left them when it was stopped. */
  let sound: string;
  let people = 0;

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    place = cluster.layout.nodes[2]!;
    for (let written = 0; written < 5; written += 1) await write(0);
    // Opening a database moves what is in its write-ahead file into a table: afterwards there is one of each.
    await cluster.supervisor.stopNode('n3');
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await write(2);
    await cluster.supervisor.stopNode('n3');
    sound = await copyImage(place.dataDir);
  });
  afterAll(async () => {
    await cluster.close();
    await removeImage(sound);
  });

  /** Something that counts only once a majority has it. */
  async function write(node: number): Promise<void> {
    people += 1;
    await createPerson(apiUrl(cluster.layout.nodes[node]!), `person-${people}`);
  }

  const status = (): Promise<StatusJson> => clusterStatus(cluster.layout);
  const chatctlStatus = (): ReturnType<typeof runProgram> =>
    runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), 'status'], {
      PARLEY_DATA: cluster.layout.dataDir,
    });

  const nodeIn = ({ nodes }: StatusJson, name = 'n3'): StatusJson['nodes'][number] =>
    nodes.find(({ id }) => id === name)!;

  async function flip(pattern: RegExp, bitOf: (bytes: number) => number): Promise<void> {
    const file = (await filesOf(place.dataDir)).find(({ path }) => pattern.test(path));
    expect(file, `a file like ${pattern.source}`).toBeDefined();
    await flipBit(join(place.dataDir, file!.path), bitOf(file!.bytes));
  }

  async function flipMark(): Promise<void> {
    for (const file of [/^mark$/, /^mark\.copy$/]) {
      for (let slot = 0; slot < 2 * SIDES; slot += 1) await flip(file, () => 8 * (slot * SLOT_BYTES + 20));
    }
  }

  /** With the state alone a node could go on. */
  async function loseLogAndState(dir: string): Promise<void> {
    await rm(join(dir, 'log'), { recursive: true });
    await loseState(dir);
  }

  async function loseState(dir: string): Promise<void> {
    for (const entry of await readdir(dir)) {
      if (/^state-\d+$/.test(entry)) await rm(join(dir, entry), { recursive: true });
    }
  }

  /** Starts n3 and waits until the others have heard how it is. */
  async function startAndHear(accepts: (node: StatusJson['nodes'][number]) => boolean): Promise<void> {
    cluster.supervisor.startNode('n3');
    await until('news of n3', async () => accepts(nodeIn(await status())));
  }

  async function stopAndMend(): Promise<void> {
    await cluster.supervisor.stopNode('n3');
    await rm(place.dataDir, { recursive: true });
    await cp(sound, place.dataDir, { recursive: true });
  }

  it.each([
    [
      'both copies of the manifest',
      'manifest',
      async () => {
        await flip(/^manifest$/, () => 100);
        await flip(/^manifest\.copy$/, () => 200);
      },
    ],
    ['all copies of the hard state', 'mark', flipMark],
  ])('stays up without vote and says why: a flipped bit in %s', async (_, where, damage) => {
    await damage();
    await startAndHear(({ up, problem }) => up && problem !== null);
    const degraded = await status();
    expect(degraded).toMatchObject({ healthy: false, leader: expect.stringMatching(/^n[12]$/) as string });
    const { problem } = nodeIn(degraded);
    expect(nodeIn(degraded)).toMatchObject({ up: true, role: 'repairing', appliedIndex: null });
    expect(problem).toContain(`(${where})`);
    expect(problem).toContain('chatctl member replace');
    const { code, stdout } = await chatctlStatus();
    expect(code).toBe(1);
    expect(stdout).toContain('degraded');
    expect(stdout).toContain(`n3: ${problem}`);

    const live = await fetch(`${apiUrl(place)}/livez`);
    expect(live.status).toBe(200);
    const ready = await fetch(`${apiUrl(place)}/readyz`);
    expect([ready.status, ((await ready.json()) as { detail: string }).detail]).toEqual([503, problem]);
    await write(0);
    await write(1);
    const refused = await fetch(`${apiUrl(place)}/v1/sessions/challenge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'person-1', device: `D${'a'.repeat(26)}` }),
    });
    expect(refused.status).toBe(503);
    const seen = await scrape(apiUrl(place), (await readFile(join(place.dataDir, 'admin.token'), 'utf8')).trim());
    expect(seen.value('parley_store_damaged')).toBe(1);
    expect(seen.value('parley_raft_role{role="repairing"}')).toBe(1);
    expect(seen.value('parley_raft_term')).toBeUndefined();
    await stopAndMend();
  });

  /** A directory whose identity is not sure any more may not be written to, either. */
  it('neither votes nor acknowledges, though the cluster stands still without it', async () => {
    await flipMark();
    const before = await promises();
    await startAndHear(({ up, problem }) => up && problem !== null);
    const { leader } = await status();
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    const survivor = cluster.layout.nodes.findIndex(({ name }) => name !== leader && name !== 'n3');
    let acknowledged = false;
    const writing = write(survivor).then(() => (acknowledged = true));
    // Each look takes longer than an election: had it voted, there would be a leader by then.
    for (let looks = 0; looks < 4; looks += 1) {
      await until('the loss of the leader', async () => (await status()).leader === null);
      expect((await chatctlStatus()).code).toBe(4);
      expect((await status()).nodes.map(({ role }) => role)).not.toContain('leader');
    }
    expect(acknowledged).toBe(false);
    cluster.supervisor.startNode(leader!);
    await writing;
    await until('a leader', async () => (await status()).leader !== null);
    expect((await chatctlStatus()).code).toBe(1);
    await cluster.supervisor.stopNode('n3');
    expect(await promises()).toEqual(before);
    await stopAndMend();
  });

  /** All that n3 ever promised, as it stands on its disk. */
  async function promises(): Promise<string[]> {
    const files = (await filesOf(place.dataDir)).filter(({ path }) => /^(log\/(?!LOG|LOCK)|mark|manifest$)/.test(path));
    return Promise.all(
      files.map(async ({ path }) => `${path} ${(await readFile(join(place.dataDir, path))).toString('hex')}`),
    );
  }

  /** All nodes have the same rows at the same index, and say that they are well. */
  async function expectSound(): Promise<void> {
    await until('the same state everywhere', async () => {
      const { nodes, healthy } = await status();
      return (
        healthy && new Set(nodes.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`)).size === 1
      );
    });
    expect((await chatctlStatus()).code).toBe(0);
  }

  it('says that it is being repaired, and serves nobody, as long as nobody can repair it', async () => {
    await cluster.supervisor.stopNode('n1');
    await cluster.supervisor.stopNode('n2');
    await loseLogAndState(place.dataDir);
    cluster.supervisor.startNode('n3');
    await until('news of n3', async () => (await fetch(`${apiUrl(place)}/livez`).catch(() => null))?.status === 200);
    const { problem, role, term } = nodeIn(await status());
    expect(role).toBe('repairing');
    expect(term).toBeGreaterThan(0);
    expect(problem).toMatch(/^Being repaired by the other nodes: .*\(log\)$/);
    const ready = await fetch(`${apiUrl(place)}/readyz`);
    expect([ready.status, ((await ready.json()) as { detail: string }).detail]).toEqual([503, problem]);
    const refused = await fetch(`${apiUrl(place)}/v1/sessions/challenge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'person-1', device: `D${'a'.repeat(26)}` }),
    });
    expect(refused.status).toBe(503);
    cluster.supervisor.startNode('n1');
    cluster.supervisor.startNode('n2');
    await expectSound();
  });

  it.each([
    ['a table of its log', () => flip(/^log\/\d+\.ldb$/, (bytes) => bytes * 2)],
    ['its log', () => rm(join(place.dataDir, 'log'), { recursive: true })],
    ['log and state', () => loseLogAndState(place.dataDir)],
  ])('heals itself while the others go on, after kill -9 and the loss of %s', async (_, damage) => {
    await cluster.supervisor.stopNode('n3');
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    let ends = false;
    let written = 0;
    const load = [0, 1].map(async (node) => {
      while (!ends) {
        await write(node);
        written += 1;
      }
    });
    await until('some load', () => Promise.resolve(written > 4));
    await cluster.supervisor.killNode('n3', { withSidecar: true });
    await damage();
    const before = written;
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await until('more load', () => Promise.resolve(written > before));
    ends = true;
    await Promise.all(load);
    await write(2);
    await expectSound();
    // Who was acknowledged is there: nobody else gets the name.
    for (const person of [1, before, people]) {
      const again = createPerson(apiUrl(place), `person-${person}`);
      await expect(again).rejects.toThrow(/taken/i);
    }
    const log = await readFile(join(place.dataDir, 'chatd.log'), 'utf8');
    expect(log).toContain('the log is damaged: it is set aside');
  });

  it('helps a sound node to lead while the leader is gone, and is repaired by it', async () => {
    await cluster.supervisor.killNode('n3', { withSidecar: true });
    await rm(join(place.dataDir, 'log'), { recursive: true });
    const { leader } = await status();
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await write(2);
    expect((await status()).leader).not.toBe(leader);
    cluster.supervisor.startNode(leader!);
    await expectSound();
    // Opening its state again moves what was written meanwhile into a table.
    await cluster.supervisor.stopNode('n3');
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await cluster.supervisor.stopNode('n3');
  });

  it('makes a damaged state again from its log, and is as sound as the others', async () => {
    await flip(/^state-\d+\/\d+\.ldb$/, (bytes) => bytes * 4);
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    await write(2);
    await until('the same state everywhere', async () => {
      const { nodes } = await status();
      return new Set(nodes.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`)).size === 1;
    });
    expect((await chatctlStatus()).code).toBe(0);
    const log = await readFile(join(place.dataDir, 'chatd.log'), 'utf8');
    expect(log).toContain('the state is damaged: it is set aside and made again');
  });

  it('is repaired without a leader when all nodes are damaged, each in another place', async () => {
    if (!(await isReady(place))) cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    for (let written = 0; written < 20; written += 1) await write(written % 3);
    const names = cluster.layout.nodes.map(({ name }) => name);
    for (const name of names) await cluster.supervisor.killNode(name, { withSidecar: true });
    for (const [at, { dataDir }] of cluster.layout.nodes.entries()) {
      await loseState(dataDir);
      const files = (await filesOf(dataDir)).filter(({ path }) => /^log\/\d+\.(log|ldb)$/.test(path));
      const largest = files.toSorted((a, b) => b.bytes - a.bytes)[0]!;
      await flipBit(join(dataDir, largest.path), Math.floor(largest.bytes * 8 * (0.3 + 0.2 * at)));
    }
    for (const name of names) cluster.supervisor.startNode(name);
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    await expectSound();
    for (let person = 1; person <= people; person += 1) {
      await expect(createPerson(apiUrl(place), `person-${person}`)).rejects.toThrow(/taken/i);
    }
    const logs = await Promise.all(
      cluster.layout.nodes.map(({ dataDir }) => readFile(join(dataDir, 'chatd.log'), 'utf8')),
    );
    for (const log of logs) expect(log).toContain('the log is damaged: it is set aside, what is missing is asked for');
    expect(logs.some((log) => log.includes('what the log had lost is back, without a leader'))).toBe(true);
  });
});
