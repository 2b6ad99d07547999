import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD, until } from './support.ts';
import type { AddressInfo } from 'node:net';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** Something shared that remembers the greatest fencing token it has seen, and refuses smaller ones. */
class Resource {
  readonly #server: Server;
  /** `<who> <token> <accepted>`, in the order of arrival. */
  readonly writes: { who: string; pid: number; token: number; accepted: boolean }[] = [];
  url = '';

  constructor() {
    this.#server = createServer((request, reply) => {
      const [, who, pid, token] = (request.url ?? '').split('/');
      const greatest = Math.max(0, ...this.writes.map((write) => write.token));
      const write = { who: who!, pid: Number(pid), token: Number(token), accepted: Number(token) >= greatest };
      this.writes.push(write);
      reply.writeHead(write.accepted ? 200 : 409).end();
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whoever still writes is ended. */
  close(): void {
    for (const pid of new Set(this.writes.map((write) => write.pid))) endQuietly(pid);
    this.#server.closeAllConnections();
    this.#server.close();
  }

  of(who: string): readonly (typeof this.writes)[number][] {
    return this.writes.filter((write) => write.who === who);
  }

  /** A program that writes here, again and again, with the token that it was started with. */
  writer(who: string): string[] {
    const program = `setInterval(() => fetch('${this.url}/${who}/' + process.pid + '/' +
      process.env.PARLEY_FENCING_TOKEN).catch(() => {}), 100)`;
    return [process.execPath, '-e', program];
  }
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

describe('locks', () => {
  let folder = '';
  let cluster: ScratchCluster;
  const resource = new Resource();
  const homes: ParleyHome[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-locks-'));
    cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD });
    await resource.open();
    const endpoints = cluster.layout.nodes.map(apiUrl);
    for (const [i, name] of ['ann', 'bob', 'cay'].entries()) {
      const home = new ParleyHome(join(folder, name));
      await home.json('--endpoint', [...endpoints.slice(i), ...endpoints.slice(0, i)].join(','), 'register', name);
      homes.push(home);
    }
  });
  afterAll(async () => {
    for (const home of homes) home.close();
    resource.close();
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('hand over when the holder stalls, across the death of the leader; its old token is refused', async () => {
    const [ann, bob] = homes as [ParleyHome, ParleyHome];
    const first = ann.start('lock', 'run', 'press', '--ttl', '3s', '--', ...resource.writer('ann'));
    await until('work under the lock', () => resource.of('ann').length > 2);
    const second = bob.start('lock', 'run', 'press', '--ttl', '3s', '--', ...resource.writer('bob'));
    await until('bob in the queue', async () => {
      const [shown] = await ann.json<{ waiting: number }>('lock', 'show', 'press');
      return shown?.waiting === 1;
    });
    expect(resource.of('bob')).toEqual([]);

    const worker = resource.of('ann')[0]!.pid;
    for (const pid of [first.child.pid!, worker]) process.kill(pid, 'SIGSTOP');
    const { leader } = await clusterStatus(cluster.layout);
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    await until('bob at work', () => resource.of('bob').length > 2);
    const refusedBefore = resource.of('ann').filter(({ accepted }) => !accepted).length;
    expect(refusedBefore).toBe(0);

    process.kill(worker, 'SIGCONT');
    await until('the stale holder is refused', () => resource.of('ann').some(({ accepted }) => !accepted));
    process.kill(first.child.pid!, 'SIGCONT');
    expect(await first.ended).toBe(7);
    expect(first.stderr).toContain('lock_lost');
    expect(resource.of('bob').every(({ accepted }) => accepted)).toBe(true);

    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(143);
    await until('the lock is free', async () => {
      const [shown] = await ann.json<{ holder: object | null }>('lock', 'show', 'press');
      return shown?.holder === null;
    });
  });

  it('come free when the holder logs out, and can be given back and renewed from one command to the next', async () => {
    const [ann, bob, cay] = homes as [ParleyHome, ParleyHome, ParleyHome];
    const [held] = await ann.json<{ token: number }>('lock', 'acquire', 'door', '--ttl', '1h');
    const { code, stderr } = await bob.run('lock', 'acquire', 'door', '--no-wait');
    expect([code, stderr]).toEqual([7, expect.stringContaining('lock_held')]);
    await ann.json('lock', 'renew', 'door', '--token', String(held!.token), '--ttl', '30m');
    expect(await ann.json('locks')).toMatchObject([{ name: 'door', holder: { own: true, token: held!.token } }]);

    const waiting = bob.start('--json', 'lock', 'acquire', 'door', '--ttl', '1h');
    await until('bob in the queue', async () => (await bob.json('locks')).length === 1);
    await ann.json('logout');
    expect(await waiting.ended).toBe(0);
    const { token } = JSON.parse(waiting.stdout) as { token: number };
    expect(token).toBeGreaterThan(held!.token);

    const nothing = await cay.run('lock', 'run', 'bell', '--ttl', '1h', '--', '/no/such/program');
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('cannot be run')]);
    expect(await cay.json('lock', 'show', 'bell')).toMatchObject([{ holder: null }]);

    const stale = await ann.run('lock', 'release', 'door', '--token', String(held!.token));
    expect([stale.code, stale.stderr]).toEqual([7, expect.stringContaining('lock_lost')]);
    await bob.json('lock', 'release', 'door', '--token', String(token));
    expect((await cay.json<{ token: number }>('lock', 'acquire', 'door', '--no-wait'))[0]!.token).toBeGreaterThan(
      token,
    );
  });
});
