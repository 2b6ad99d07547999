import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { ParleyClient } from '../src/client/client.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { nodePlatform } from '../src/cli/node-platform.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { loadOpaquePerson } from '../src/crypto/opaque-client.ts';
import { totpCode, totpStepAt } from '../src/crypto/totp.ts';
import { toBase64Url } from '../src/protocol/base64url.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const PASSWORD = 'a password of some length';

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly retryAfterMs?: number };
}

describe('logging in by password, on a cluster of three', () => {
  let cluster: ScratchCluster;
  let folder: string;
  const homes: ParleyHome[] = [];
  const clients: ParleyClient[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-login-'));
    cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD });
  });
  afterAll(async () => {
    for (const home of homes) home.close();
    for (const client of clients) await client.close();
    await cluster.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const homeOf = (name: string, env: Record<string, string> = {}): ParleyHome => {
    const home = new ParleyHome(join(folder, name), env);
    homes.push(home);
    return home;
  };
  const urlOf = (name: string): string => apiUrl(cluster.layout.nodes.find((node) => node.name === name)!);
  const urls = (): string[] => cluster.layout.nodes.map(apiUrl);
  const leader = async (): Promise<string> => {
    let found: string | null = null;
    await until('a leader', async () => {
      found = (await clusterStatus(cluster.layout).catch(() => ({ leader: null }))).leader;
      return found !== null;
    });
    return found!;
  };
  async function killLeader(): Promise<string> {
    const name = await leader();
    const { pid } = (await clusterStatus(cluster.layout)).nodes.find(({ id }) => id === name)!;
    process.kill(pid!, 'SIGKILL');
    return name;
  }
  /** A person at a machine that nobody has used, whose program talks to these nodes. */
  async function machine(name: string, endpoints: readonly string[]): Promise<ParleyClient> {
    const store = new LevelStore(join(folder, name, 'store'));
    const client = await ParleyClient.open(nodePlatform(store), { endpoints, fallback: [] });
    clients.push(client);
    return client;
  }
  /** A start as a program makes it that means to guess, and nothing behind it. */
  async function guess(url: string, account: string): Promise<Answer> {
    const { request } = (await loadOpaquePerson()).startLogin('a guess');
    const answer = await fetch(`${url}/v1/login/start`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account, request: toBase64Url(request) }),
    });
    return { status: answer.status, body: (await answer.json()) as Answer['body'] };
  }

  let recoveryCode = '';

  it('registers on one node, and makes a device of another machine on another node', async () => {
    const ann = homeOf('ann', { PARLEY_PASSWORD: PASSWORD });
    const [registered] = await ann.json<{ account: string; recoveryCode: string }>(
      '--endpoint',
      urlOf('n1'),
      'register',
      'ann',
    );
    recoveryCode = registered!.recoveryCode;
    expect(recoveryCode).toMatch(/^([0-9A-Z]{4}-){13}[0-9A-Z]{4}$/);
    const second = homeOf('ann2', { PARLEY_PASSWORD: PASSWORD, PARLEY_RECOVERY_CODE: recoveryCode.toLowerCase() });
    expect(await second.json('--endpoint', urlOf('n2'), 'login', 'ann')).toMatchObject([{ account: 'ann' }]);
    expect(await second.json('devices')).toHaveLength(2);
    const third = homeOf('ann3', { PARLEY_PASSWORD: 'not the password' });
    expect(await third.run('--endpoint', urlOf('n3'), 'login', 'ann')).toMatchObject({ code: 5, stdout: '' });
    const file = join(folder, 'code.txt');
    writeFileSync(file, `${recoveryCode}\n`);
    const forgetful = homeOf('ann4', { PARLEY_PASSWORD: 'a new password' });
    const recovered = await forgetful.json('--endpoint', urlOf('n3'), 'recover', 'ann', '--recovery-code-file', file);
    expect(recovered).toMatchObject([{ account: 'ann', passwordSet: true }]);
    expect((await second.run('login', 'ann')).code).toBe(7);
  });

  it('has no password where none was given and nobody could be asked, and says so', async () => {
    const bob = homeOf('bob');
    const { code, stdout } = await bob.run('--endpoint', urls().join(','), 'register', 'bob');
    expect([code, stdout]).toEqual([0, expect.stringContaining('no password')]);
    expect(await bob.json('password')).toEqual([{ password: null, totp: false, vault: null }]);
    expect((await bob.run('recovery', 'show')).code).toBe(6);
  });

  it('finishes what was begun, when the leader dies in between', async () => {
    const carl = await machine('carl', urls());
    await carl.login.signUp({ name: 'carl', password: PASSWORD, opensVault: true });
    const later = await machine('carl-later', [urlOf(await leader()), ...urls()]);
    const attempt = await later.login.begin({ name: 'carl', password: PASSWORD });
    await killLeader();
    const proof = await attempt.finish();
    expect(await proof.enrol()).toMatchObject({ account: 'carl' });
    expect(await later.account.devices()).toHaveLength(2);
  });

  it('takes a code of the phone once, on whichever nodes it is shown at the same time', async () => {
    const dora = await machine('dora', urls());
    await dora.login.signUp({ name: 'dora', password: PASSWORD });
    const totp = await dora.factors.newTotp();
    await dora.factors.enableTotp(totp, totpCode(totp.secret, totpStepAt(Date.now()) - 1));
    const attempts = [];
    for (const node of ['n1', 'n2', 'n3']) {
      const thief = await machine(`thief-${node}`, [urlOf(node)]);
      attempts.push(await thief.login.begin({ name: 'dora', password: PASSWORD }));
    }
    const code = totpCode(totp.secret, totpStepAt(Date.now()));
    const outcomes = await Promise.all(
      attempts.map((attempt) =>
        attempt.finish(code).then(
          () => 'ok',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(outcomes.toSorted()).toEqual(['ok', 'totp_wrong', 'totp_wrong']);
  });

  it('makes guessers wait: on every node, and when the leader changes', async () => {
    const nodes = ['n1', 'n2', 'n3'];
    const names = ['ann', 'nobody'];
    // Six in a row, whichever node is asked, for a name that nobody has as well.
    const sixGuesses = async (name: string): Promise<void> => {
      for (let attempts = 0; attempts < 6;) {
        const { status, body } = await guess(urlOf(nodes[attempts % 3]!), name);
        if (status === 200) attempts += 1;
        else if (body.code === 'login_delayed') await new Promise((done) => setTimeout(done, body.retryAfterMs));
        else expect.fail(JSON.stringify(body));
      }
    };
    await Promise.all(names.map(sixGuesses));
    const killed = await killLeader();
    await leader();
    for (const node of nodes.filter((name) => name !== killed)) {
      for (const name of names) {
        const first = await guess(urlOf(node), name);
        // Where the wait was over meanwhile, that was one more, and the next waits twice as long.
        const { status, body } = first.status === 200 ? await guess(urlOf(node), name) : first;
        expect([node, name, status, body.code]).toEqual([node, name, 429, 'login_delayed']);
      }
    }
  });
});
