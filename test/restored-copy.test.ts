import { cp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { isReady } from '../src/cli/local-cluster/ready.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { RunOutcome } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { NodePlace } from '../src/cli/local-cluster/layout.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

/** Real nodes, real files: somebody puts an old copy of n3's data directory in the place of the newest. */
describe('a node whose data directory was put back from a copy', () => {
  let cluster: ScratchCluster;
  let place: NodePlace;
  let people = 0;

  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    place = cluster.layout.nodes[2]!;
    for (let written = 0; written < 3; written += 1) await write(0);
  });
  afterAll(() => cluster.close());

  const copyOf = (name: string): string => join(cluster.layout.dataDir, `${name}-copy`);
  const dirOf = (name: string): string => cluster.layout.nodes.find((node) => node.name === name)!.dataDir;
  const indexOf = (name: string): number => cluster.layout.nodes.findIndex((node) => node.name === name);

  /** Something that counts only once a majority has it. */
  async function write(node: number): Promise<void> {
    people += 1;
    await createPerson(apiUrl(cluster.layout.nodes[node]!), `person-${people}`);
  }
  const status = (): Promise<StatusJson> => clusterStatus(cluster.layout);
  const chatctl = (...args: string[]): Promise<RunOutcome> =>
    runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
  const nodeIn = ({ nodes }: StatusJson, name: string): StatusJson['nodes'][number] =>
    nodes.find(({ id }) => id === name)!;

  async function restart(name: string): Promise<void> {
    await cluster.supervisor.stopNode(name);
    cluster.supervisor.startNode(name);
    await until(name, () => isReady(cluster.layout.nodes[indexOf(name)]!));
  }
  async function stopAndPutBack(name: string): Promise<void> {
    await cluster.supervisor.stopNode(name);
    await rename(dirOf(name), `${copyOf(name)}-newest`);
    await cp(copyOf(name), dirOf(name), { recursive: true });
  }
  async function putBackNewest(name: string): Promise<void> {
    await cluster.supervisor.stopNode(name);
    await rm(dirOf(name), { recursive: true });
    await rename(`${copyOf(name)}-newest`, dirOf(name));
  }
  async function untilRefused(name: string): Promise<string> {
    await until(`${name} is refused`, async () => (nodeIn(await status(), name).problem ?? '').includes('an old copy'));
    return nodeIn(await status(), name).problem!;
  }
  /** It takes no part, but knows who does. */
  async function expectToPointElsewhere(name: string): Promise<void> {
    const others = cluster.layout.nodes.filter((node) => node.name !== name);
    const endpoints = [cluster.layout.nodes[indexOf(name)]!, ...others].map(apiUrl);
    const ask = (urls: readonly string[], ...args: string[]): Promise<RunOutcome> =>
      runProgram(CHATCTL, ['--endpoint', urls.join(','), ...args], { PARLEY_DATA: cluster.layout.dataDir });
    const { code, stdout } = await ask(endpoints.slice(0, 1), 'status');
    expect([code, stdout]).toEqual([1, expect.stringMatching(/degraded\nleader n\d, /) as string]);
    expect((await ask(endpoints.slice(0, 1), 'transfer-leader')).code).toBe(0);
    expect((await ask(endpoints.slice(0, 1), 'invite')).stderr).toContain('old copy');
    expect((await ask(endpoints, 'invite')).code).toBe(0);
  }
  async function expectAllThere(): Promise<void> {
    await until('the same state everywhere', async () => {
      const { nodes, healthy } = await status();
      return healthy && new Set(nodes.map((node) => `${node.stateHash}@${node.stateHashIndex}`)).size === 1;
    });
    for (let person = 1; person <= people; person += 1) {
      await expect(createPerson(apiUrl(place), `person-${person}`)).rejects.toThrow(/taken/i);
    }
  }

  it('is refused when the copy was made before its last start, says why, and the others go on', async () => {
    await cluster.supervisor.stopNode('n3');
    await cp(dirOf('n3'), copyOf('n3'), { recursive: true });
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await write(2);
    await stopAndPutBack('n3');
    cluster.supervisor.startNode('n3');
    const problem = await untilRefused('n3');
    expect(problem).toContain('chatctl member replace');
    expect(nodeIn(await status(), 'n3')).toMatchObject({ up: true, role: null });
    const { code, stdout } = await chatctl('status');
    expect([code, stdout]).toEqual([1, expect.stringContaining(`n3: ${problem}`)]);
    const ready = await fetch(`${apiUrl(place)}/readyz`);
    expect([ready.status, ((await ready.json()) as { detail: string }).detail]).toEqual([503, problem]);
    expect(await readFile(join(place.dataDir, 'chatd.log'), 'utf8')).toContain('this node takes no part');
    await write(0);
    await write(1);
  });

  it('is still refused when it is started again, and believed once its newest directory is back', async () => {
    await cluster.supervisor.stopNode('n3');
    cluster.supervisor.startNode('n3');
    expect(await untilRefused('n3')).toContain('an old copy');
    await putBackNewest('n3');
    cluster.supervisor.startNode('n3');
    await until('n3', () => isReady(place));
    await expectAllThere();
  });

  it('elects nobody who lacks what it once acknowledged', async () => {
    const { leader } = await status();
    const [victim, late] = cluster.layout.nodes.map(({ name }) => name).filter((name) => name !== leader);
    await cluster.supervisor.stopNode(victim!);
    await rm(copyOf(victim!), { recursive: true, force: true });
    await cp(dirOf(victim!), copyOf(victim!), { recursive: true });
    await restart(victim!);
    await until(`${late} knows`, async () => (await status()).healthy);
    await cluster.supervisor.stopNode(late!);
    // Only the leader and the victim have this.
    await write(indexOf(leader!));
    await stopAndPutBack(victim!);
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    cluster.supervisor.startNode(late!);
    cluster.supervisor.startNode(victim!);
    await until(`${victim} is refused`, async () => {
      const answer = await fetch(`${apiUrl(cluster.layout.nodes[indexOf(victim!)]!)}/readyz`).catch(() => null);
      return ((await answer?.text()) ?? '').includes('an old copy');
    });
    expect((await status()).leader).toBeNull();
    cluster.supervisor.startNode(leader!);
    await until('a leader', async () => (await status()).leader !== null);
    await write(indexOf(late!));
    await expectToPointElsewhere(victim!);
    await putBackNewest(victim!);
    cluster.supervisor.startNode(victim!);
    await expectAllThere();
  });

  it('is let in again as an empty node by chatctl member replace', async () => {
    // A copy of a running node, and no start since: only what it acknowledged meanwhile tells.
    await rm(copyOf('n3'), { recursive: true, force: true });
    await cp(dirOf('n3'), copyOf('n3'), { recursive: true });
    await write(2);
    await stopAndPutBack('n3');
    cluster.supervisor.startNode('n3');
    expect(await untilRefused('n3')).toContain('an old copy');
    await cluster.supervisor.stopNode('n3');
    await rm(place.dataDir, { recursive: true });
    await cp(copyOf('n3'), place.dataDir, { recursive: true, filter: (path) => path === copyOf('n3') });
    cluster.supervisor.startNode('n3');
    await until('n3 is let in', async () => (await chatctl('member', 'replace', 'n3')).code === 0);
    await until('n3 votes again', async () => (await status()).nodes.every(({ voter }) => voter));
    await expectAllThere();
  });
});
