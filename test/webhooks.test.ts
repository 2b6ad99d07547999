import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminTargetOf } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

interface Made {
  readonly hook: string;
  readonly secret: string;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: { readonly seq?: number; readonly id?: string; readonly code?: string };
}

/** Three real nodes: a hook is made at one, used at all, and removed at another. */
describe('webhooks into open rooms', () => {
  let cluster: ScratchCluster;
  let folder: string;
  let ann: ParleyHome;
  let bob: ParleyHome;
  let room: string;
  let made: Made;

  beforeAll(async () => {
    cluster = await startScratchCluster({
      nodes: 3,
      restart: false,
      say: () => {},
      chatdFile: CHATD,
      keepRateLimits: true,
    });
    folder = mkdtempSync(join(tmpdir(), 'parley-webhooks-'));
    [ann, bob] = [new ParleyHome(join(folder, 'ann')), new ParleyHome(join(folder, 'bob'))];
    await ann.json('--endpoint', url(0), 'register', 'ann');
    await bob.json('--endpoint', url(2), 'register', 'bob');
    room = String((await ann.json('room', 'create', 'alerts', 'bob', '--open'))[0]!['room']);
    made = (await ann.json<Made & Record<string, unknown>>('room', 'hook', 'add', 'alerts', 'pump'))[0]!;
  });
  afterAll(async () => {
    ann.close();
    bob.close();
    await cluster.close();
    rmSync(folder, { recursive: true });
  });

  const url = (i: number): string => apiUrl(cluster.layout.nodes[i]!);

  async function post(
    node: number,
    body: unknown,
    { secret = made.secret, key, hook = made.hook }: { secret?: string; key?: string; hook?: string } = {},
  ): Promise<Answer> {
    const answer = await fetch(`${url(node)}/v1/hooks/${hook}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(secret === '' ? {} : { authorization: `Bearer ${secret}` }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      body: (await answer.json()) as Answer['body'],
    };
  }

  const read = (home: ParleyHome): Promise<Record<string, unknown>[]> => home.json('read', `room:${room}`);

  it('say what members read as verified, on every node', async () => {
    for (const node of [0, 1, 2]) {
      expect(await post(node, { text: `from ${node}`, username: 'grafana', icon: ':x:' })).toMatchObject({
        status: 200,
      });
    }
    const lines = await read(bob);
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    for (const [i, line] of lines.entries()) {
      expect(line).toMatchObject({ from: 'ann', hook: 'pump', text: `**grafana**: from ${i}` });
    }
    expect((await bob.run('read', `room:${room}`)).stdout).toContain('pump (for ann): **grafana**: from 0');
  });

  it('say a thing once, however often and wherever it is repeated', async () => {
    const first = await post(0, { text: 'disk full' }, { key: 'alert 17' });
    expect(first.status).toBe(200);
    expect(await post(1, { text: 'disk full' }, { key: 'alert 17' })).toEqual(first);
    expect(await post(2, { text: 'disk empty' }, { key: 'alert 17' })).toMatchObject({ status: 422 });
    expect((await read(bob)).filter(({ text }) => text === 'disk full')).toHaveLength(1);
  });

  it('are refused without their secret, and change nothing', async () => {
    const before = (await read(bob)).length;
    const wrong = Buffer.alloc(32, 7).toString('base64url');
    expect(await post(0, { text: 'x' }, { secret: wrong })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
    expect(await post(0, { text: 'x' }, { secret: '' })).toMatchObject({ status: 401 });
    expect(await post(1, { text: 'x' }, { hook: `D${'a'.repeat(26)}` })).toMatchObject({ status: 404 });
    for (const body of ['{', '{}', '{"text":""}', '{"text":7}', '[]']) expect((await post(0, body)).status).toBe(400);
    expect((await read(bob)).length).toBe(before);
  });

  it('outlive a node that dies', async () => {
    await cluster.supervisor.killNode(cluster.layout.nodes[0]!.name, { withSidecar: true });
    let answer: Answer | undefined;
    for (let attempt = 0; answer?.status !== 200 && attempt < 20; attempt++) {
      answer = await post(1 + (attempt % 2), { text: 'still here' }, { key: 'after the crash' });
    }
    expect(answer).toMatchObject({ status: 200 });
    cluster.supervisor.startNode(cluster.layout.nodes[0]!.name);
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    expect(await post(0, { text: 'still here' }, { key: 'after the crash' })).toEqual(answer);
  });

  it('may say only so much at a time', async () => {
    const answers: Answer[] = [];
    for (let i = 0; i < 60 && answers.at(-1)?.status !== 429; i++) answers.push(await post(2, { text: `${i}` }));
    expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(answers.at(-1)!.retryAfter)).toBeGreaterThan(0);
  });

  it('are listed, removed by the staff alone, and then silent on every node', async () => {
    expect(await ann.json('room', 'hook', 'list', 'alerts')).toMatchObject([
      { hook: made.hook, name: 'pump', by: 'ann' },
    ]);
    expect((await bob.run('room', 'hook', 'remove', `room:${room}`, made.hook)).code).toBe(5);
    expect((await bob.run('room', 'hook', 'add', `room:${room}`, 'mine')).code).toBe(5);
    await ann.json('room', 'hook', 'remove', 'alerts', made.hook);
    for (const node of [0, 1, 2]) {
      const answer = await post(node, { text: 'x' });
      expect(['no_such_hook', 'rate_limited']).toContain(answer.body.code);
    }
    expect(await ann.json('room', 'hook', 'list', 'alerts')).toEqual([]);
    // What it said stays readable to who comes anew.
    expect((await read(bob))[0]).toMatchObject({ hook: 'pump' });
  });

  it('are written down in the audit log', async () => {
    const { endpoints, token } = adminTargetOf(cluster.layout);
    const answer = await fetch(`${endpoints[0]}/v1/admin/audit`, { headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    for (const act of ['room.hook-added', 'room.hook-removed']) expect(text).toContain(act);
  });
});
