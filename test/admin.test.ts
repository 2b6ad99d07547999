import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ApiPerson } from '../src/testing/api-person.ts';
import { CHATCTL, CHATD, runProgram, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { AuditEntryJson } from '../src/protocol/http/audit.ts';
import type { RunOutcome } from './support.ts';

let cluster: ScratchCluster;
let urls: string[];
beforeAll(async () => {
  cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD });
  urls = cluster.layout.nodes.map(apiUrl);
});
afterAll(() => cluster?.close());

const ctl = (url: string, ...args: string[]): Promise<RunOutcome> =>
  runProgram(CHATCTL, ['--endpoint', url, ...args], { PARLEY_DATA: cluster.layout.dataDir });
const must = async (url: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await ctl(url, ...args);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
  return stdout;
};
const linesOf = <T>(text: string): T[] => {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as T);
};
/** As a node exports it. */
const audit = async (url: string, filter = ''): Promise<AuditEntryJson[]> => {
  const token = readFileSync(join(cluster.layout.nodes[0]!.dataDir, 'admin.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/v1/admin/audit/export${filter}`, { headers });
  expect(answer.status).toBe(200);
  return linesOf<AuditEntryJson>(await answer.text());
};
const actsOf = (entries: readonly AuditEntryJson[]): string[] => entries.map(({ act }) => act);

describe('the audit log of a cluster', () => {
  it('is the same on every node, whichever took the request, and outlives the leader', async () => {
    const ann = await ApiPerson.join(urls[0]!, 'ann');
    const bob = await ApiPerson.join(urls[1]!, 'bob');
    const room = await ann.createRoom('group', [bob.account]);
    const { body } = await bob.loginBody();
    const wrong = { ...body, signature: 'A'.repeat(86) };
    const refused = await fetch(`${urls[1]!}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wrong),
    });
    expect(refused.status).toBe(400);
    await until('the refusal is told', async () => (await audit(urls[2]!, '?what=session.refused')).length === 1);
    const { leader } = await clusterStatus(cluster.layout);
    const heir = cluster.layout.nodes.find(({ name }) => name !== leader)!.name;
    await must(urls[0]!, 'transfer-leader', heir);
    await until('the act is told', async () => (await audit(urls[0]!, '?what=node')).length === 1);

    const before = await audit(urls[0]!);
    expect(before.map(({ act, node, by }) => [act, node, by?.account ?? null])).toEqual([
      ['account.registered', 'n1', 'ann'],
      ['session.opened', 'n1', 'ann'],
      ['account.registered', 'n2', 'bob'],
      ['session.opened', 'n2', 'bob'],
      ['room.created', 'n1', 'ann'],
      ['session.refused', 'n2', null],
      ['node.made-leader', leader, null],
    ]);
    expect(before.every(({ address }) => address === '127.0.0.1')).toBe(true);
    expect(before[4]!.subject).toMatchObject({ room, accounts: [{ account: 'bob' }] });

    const now = await clusterStatus(cluster.layout);
    await cluster.supervisor.killNode(now.leader!, { withSidecar: true });
    for (const url of urls) {
      await until('all nodes tell the same', async () => {
        const told = await audit(url).catch(() => []);
        return isDeepStrictEqual(told.slice(0, before.length), before);
      });
    }
    const asked = ['audit', '--json', '--who', '@bob', '--since', '1h'];
    expect(actsOf(linesOf(await must(urls[1]!, ...asked, '--what', 'session')))).toEqual([
      'session.opened',
      'session.refused',
    ]);
    expect(actsOf(linesOf(await must(urls[1]!, ...asked, '--limit', '1')))).toEqual(['session.refused']);
    expect(await must(urls[1]!, 'audit', '--what', 'room')).toMatch(/room\.created +@ann +127\.0\.0\.1 +n1 +@bob R/);
    expect((await ctl(urls[1]!, 'audit', '--who', 'nobody')).code).toBe(6);
  });
});
