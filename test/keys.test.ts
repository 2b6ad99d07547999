import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPerson } from '../scripts/load/person.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { KeysJson } from '../src/protocol/http/keys.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

/** The key that nodes share: real nodes that go over to a new one every few seconds. */
describe('the key ring of a running cluster', () => {
  let cluster: ScratchCluster;
  let people = 0;
  beforeAll(async () => {
    cluster = await startScratchCluster({
      ...{ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD },
      env: { CHATD_KEY_ROTATION_MINUTES: '0.1' },
    });
  });
  afterAll(() => cluster.close());

  const chatctl = async (...args: string[]): Promise<string> => {
    const endpoints = cluster.layout.nodes.map(apiUrl).join(',');
    const outcome = await runProgram(CHATCTL, ['--endpoint', endpoints, ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
    expect(outcome).toMatchObject({ code: 0 });
    return outcome.stdout;
  };
  const keys = async (): Promise<KeysJson> => JSON.parse(await chatctl('keys', 'status', '--json')) as KeysJson;
  const allHave = async (atLeast: number): Promise<boolean> => {
    const { nodes } = await keys();
    return nodes.every(({ epoch }) => epoch !== null && epoch >= atLeast);
  };
  const write = (node: number): Promise<unknown> => {
    people += 1;
    return createPerson(apiUrl(cluster.layout.nodes[node]!), `person-${people}`);
  };

  it('has a key soon after it was founded, another one by schedule, and goes on meanwhile', async () => {
    await until('all have a key', () => allHave(1));
    for (let epoch = 2; epoch <= 3; epoch += 1) {
      await until(`all have epoch ${epoch}`, () => allHave(epoch));
      for (const node of [0, 1, 2]) await write(node);
    }
    expect(await keys()).toMatchObject({ cause: 'scheduled' });
    expect(await chatctl('keys', 'status')).toMatch(/epoch \d+ \(scheduled\), \d+ s old; the next one in \d+ s/);
  });

  it('changes it when somebody asks, and tells who did', async () => {
    const { epoch } = await keys();
    const asked = JSON.parse(await chatctl('keys', 'rotate', '--json')) as KeysJson;
    expect(asked.epoch).toBeGreaterThan(epoch!);
    await until('all have it', () => allHave(asked.epoch!));
    const audit = await chatctl('audit', '--what', 'keys', '--json');
    expect(audit).toContain('"operator"');
    expect(audit).toContain('"founded"');
  });

  it('is there again after all nodes stopped at once', async () => {
    const { epoch } = await keys();
    for (const { name } of cluster.layout.nodes) await cluster.supervisor.killNode(name, { withSidecar: true });
    for (const { name } of cluster.layout.nodes) cluster.supervisor.startNode(name);
    await whenReady(cluster.layout, { timeoutMs: 120_000 });
    await write(1);
    await until('all have a key', () => allHave(epoch!));
    expect((await keys()).epoch).toBeGreaterThanOrEqual(epoch!);
  });

  it('changes with the removal of a node, and the others go on without it', async () => {
    const { leader } = JSON.parse(await chatctl('status', '--json')) as StatusJson;
    // Not the first one, which is asked first: it goes on telling what it knew until it is stopped.
    const victim = cluster.layout.nodes.findLast(({ name }) => name !== leader)!;
    const { epoch } = await keys();
    await chatctl('member', 'remove', victim.name);
    const others = cluster.layout.nodes.flatMap((place, at) => (place === victim ? [] : [at]));
    await until('the others have a later one', () => allHave(epoch! + 1));
    const { nodes } = await keys();
    expect(nodes.map(({ id }) => id)).not.toContain(victim.name);
    for (const node of others) await write(node);
  });
});
