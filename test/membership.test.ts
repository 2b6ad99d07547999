import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestJson } from '../scripts/load/http.ts';
import { LateNode } from '../scripts/load/late-node.ts';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { freePorts } from '../src/testing/free-ports.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { RunOutcome } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

describe('the membership of a running cluster', () => {
  let cluster: ScratchCluster;
  let late: LateNode;
  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD });
    const [api, nats, route] = await freePorts(3);
    late = new LateNode(cluster, { name: 'n4', ports: [api!, nats!, route!], chatdFile: CHATD });
  });
  afterAll(async () => {
    await late.stop();
    await cluster.close();
  });

  const chatctl = (...args: string[]): Promise<RunOutcome> =>
    runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
  const status = async (): Promise<StatusJson> => JSON.parse((await chatctl('status', '--json')).stdout) as StatusJson;
  const sameState = async (nodes: number): Promise<boolean> => {
    const { nodes: all, healthy } = await status();
    const hashes = new Set(all.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`));
    return healthy && all.length === nodes && hashes.size === 1;
  };

  it('refuses a node that nobody started, and one that is no member', async () => {
    expect(await chatctl('member', 'add', 'n4')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('start it first'),
    });
    expect(await chatctl('member', 'promote', 'n9')).toMatchObject({ code: 6 });
    expect(await chatctl('transfer-leader', 'n9')).toMatchObject({ code: 6 });
  });

  it('lets an empty node in as a learner, and to vote once it has caught up', async () => {
    await createPerson(apiUrl(cluster.layout.nodes[0]!), 'ann');
    late.start();
    await until('n4 asks to be let in', async () => (await late.readiness()).includes('chatctl member add n4'));
    expect(await chatctl('member', 'add', 'n4')).toMatchObject({ code: 0 });
    await until('n4 learns', () => sameState(4));
    expect((await status()).nodes.at(-1)).toMatchObject({ id: 'n4', role: 'learner', voter: false });
    expect(await chatctl('member', 'promote', 'n4')).toMatchObject({ code: 0 });
    await until('n4 votes', () => sameState(4));
    expect(await status()).toMatchObject({ quorum: { voters: 4, needed: 3 } });
    expect(await chatctl('member', 'add', 'n4')).toMatchObject({ code: 7 });
  });

  it('hands leadership to the new node', async () => {
    const moved = await chatctl('transfer-leader', 'n4', '--json');
    expect(moved).toMatchObject({ code: 0 });
    expect(JSON.parse(moved.stdout)).toEqual({ leader: 'n4' });
    await until('n4 leads', async () => (await status()).leader === 'n4');
  });

  it('lets the same name back in after it lost its data, as another peer', async () => {
    await late.kill();
    await until('another leads', async () => !['n4', null].includes((await status()).leader));
    await createPerson(apiUrl(cluster.layout.nodes[0]!), 'bob');
    rmSync(late.dataDir, { recursive: true });
    late.start();
    await until('n4 asks to be let in', async () => (await late.readiness()).includes('chatctl member replace n4'));
    expect(await chatctl('member', 'add', 'n4')).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('replace n4'),
    });
    expect(await chatctl('member', 'replace', 'n4')).toMatchObject({ code: 0 });
    await until('n4 is back', () => sameState(4));
    await until('n4 votes again', async () => (await status()).nodes.every(({ voter }) => voter));
    const accounts = await requestJson<{ accountId: string }>(late.url, 'GET', '/v1/cluster', {});
    expect(accounts).toMatchObject({ clusterId: (await status()).clusterId });
    const manifest = readFileSync(join(late.dataDir, 'manifest'), 'utf8');
    expect(manifest).toContain('"peerId":5');
  });

  it('keeps what it is across a restart', async () => {
    await late.kill();
    late.start();
    await until('n4 is back', () => sameState(4));
    expect((await status()).nodes.at(-1)).toMatchObject({ id: 'n4', voter: true, problem: null });
  });

  it('takes a node out, which then knows it', async () => {
    const { leader } = await status();
    const victim = cluster.layout.nodes.find(({ name }) => name !== leader)!;
    expect(await chatctl('member', 'remove', victim.name)).toMatchObject({ code: 0 });
    await until('three are left', () => sameState(3));
    const readyz = await fetch(`${apiUrl(victim)}/readyz`);
    expect(readyz.status).toBe(503);
    expect(await readyz.text()).toContain('was removed');
  });

  it('refuses to take out what the quorum rests on', async () => {
    await late.kill();
    await until('n4 is missed', async () => !(await status()).healthy);
    const { leader, nodes } = await status();
    const other = nodes.find(({ id, up }) => up && id !== leader)!;
    await until('its leader misses n4', async () => (await chatctl('member', 'remove', other.id)).code === 7);
    expect(await chatctl('member', 'remove', other.id)).toMatchObject({
      stderr: expect.stringContaining('quorum_at_risk'),
    });
    expect(await chatctl('member', 'remove', 'n4')).toMatchObject({ code: 0 });
    await until('two are left', () => sameState(2));
  });
});
