import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { freePorts } from '../src/testing/free-ports.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { PARLEY, ParleyHome } from './parley-home.ts';
import { CHATD, ROOT, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const hasPython = ((): boolean => {
  try {
    execFileSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']);
    return true;
  } catch {
    return false;
  }
})();
if (!hasPython) process.stderr.write('integrations.test.ts: skipped in part, there is no Python 3.9 here\n');

let folder = '';
let cluster: ScratchCluster;
let ann: ParleyHome;
let helper: ParleyHome;
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-integrations-'));
  cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
  const endpoints = cluster.layout.nodes.map(apiUrl).join(',');
  ann = new ParleyHome(join(folder, 'ann'));
  helper = new ParleyHome(join(folder, 'helper'));
  await ann.json('--endpoint', endpoints, 'register', 'ann');
  await helper.json('--endpoint', endpoints, 'register', 'helper');
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await cluster?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly id: number | string | null;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string };
  readonly note?: string;
  readonly done?: true;
}

/** `parley rpc`, and everything that it has answered. */
class Rpc {
  readonly answers: Answer[] = [];
  readonly child: ChildProcess;

  constructor(home: ParleyHome) {
    this.child = spawn(process.execPath, [PARLEY, '--home', home.dir, 'rpc'], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(this.child);
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.answers.push(JSON.parse(line) as Answer));
  }

  say(line: object | string): void {
    this.child.stdin!.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  async last(id: Answer['id']): Promise<Answer> {
    const found = (): Answer | undefined =>
      this.answers.find((answer) => answer.id === id && (answer.done === true || answer.error !== undefined));
    await until(`the end of request ${id}`, () => found() !== undefined);
    return found()!;
  }

  results(id: Answer['id']): (Record<string, unknown> | undefined)[] {
    return this.answers.filter((answer) => answer.id === id && 'result' in answer).map(({ result }) => result);
  }
}

describe('parley rpc', () => {
  it('runs verbs side by side, and says what is wrong with a request', async () => {
    const rpc = new Rpc(ann);
    rpc.say({ id: 'feed', verb: ['tail'] });
    rpc.say({ id: 1, verb: ['whoami'] });
    expect(await rpc.last(1)).toEqual({ id: 1, done: true });
    expect(rpc.results(1)).toMatchObject([{ account: 'ann' }]);
    await until('the feed', () => rpc.answers.some(({ id, note }) => id === 'feed' && note !== undefined));

    rpc.say({ id: 2, verb: ['send', '@helper', 'by rpc'] });
    await rpc.last(2);
    expect(rpc.results(2)).toMatchObject([{ seq: 1, state: 'sent' }]);
    await until('the message in the feed', () => rpc.results('feed').length === 1);
    expect(rpc.results('feed')).toMatchObject([{ text: 'by rpc', from: 'ann', seq: 1 }]);

    rpc.say('not json');
    rpc.say({ id: 3, verb: 'whoami' });
    rpc.say({ id: 4, verb: ['fly'] });
    rpc.say({ id: 5, verb: ['send', '@nobody', 'x'] });
    rpc.say({ id: 6, verb: ['send', '@helper', '-'] });
    rpc.say({ id: 'feed', verb: ['whoami'] });
    expect((await rpc.last(null)).error?.code).toBe('malformed_json');
    const codes = await Promise.all([3, 4, 5, 6].map(async (id) => (await rpc.last(id)).error?.code));
    expect(codes).toEqual(['usage', 'usage', 'no_such_user', 'usage']);
    expect((await rpc.last('feed')).error?.code).toBe('usage');

    rpc.say({ id: 7, cancel: 'feed' });
    await rpc.last(7);
    await until('the end of the feed', () => rpc.answers.some(({ id, done }) => id === 'feed' && done === true));
    rpc.say({ id: 8, verb: ['rooms'] });
    rpc.child.stdin!.end();
    const [code] = (await once(rpc.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(await rpc.last(8)).toEqual({ id: 8, done: true });
  });

  it('ends when it is told to, whatever runs', async () => {
    const rpc = new Rpc(ann);
    rpc.say({ id: 1, verb: ['tail'] });
    await until('the feed', () => rpc.answers.some(({ note }) => note !== undefined));
    rpc.child.kill('SIGTERM');
    const [code] = (await once(rpc.child, 'exit')) as [number | null];
    expect(code).toBe(143);
  });
});

describe.skipIf(!hasPython)('the bot in Python', () => {
  it('answers, also after the node that it listened to has died', async () => {
    const [first] = cluster.layout.nodes;
    const bot = spawn(
      'python3',
      [
        join(ROOT, 'examples/python/bot.py'),
        ...['--home', helper.dir, '--endpoint', apiUrl(first!)],
        ...['--parley', `${process.execPath} ${PARLEY}`],
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    children.push(bot);
    let said = '';
    bot.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await until('the bot', () => said.includes('helper listens'));

    const answers = async (): Promise<(string | null)[]> =>
      (await ann.json<{ from: string; text: string | null }>('read', '@helper'))
        .filter(({ from }) => from === 'helper')
        .map(({ text }) => text);
    await ann.json('send', '@helper', '!echo how are you');
    await until('an answer', async () => (await answers()).includes('how are you'));
    await ann.json('send', '@helper', '!nodes');
    await until('news of the nodes', async () => (await answers()).includes('n1 is up, n2 is up, n3 is up'));

    await cluster.supervisor.killNode(first!.name, { withSidecar: true });
    await ann.json('send', '@helper', '!echo still there?');
    await until('an answer through another node', async () => (await answers()).includes('still there?'));
    cluster.supervisor.startNode(first!.name);
    bot.kill('SIGTERM');
    const [code] = (await once(bot, 'exit')) as [number | null];
    expect(code).toBe(0);
  });
});

describe('parley bridge', () => {
  it('says in an encrypted room what a hook is told, once', async () => {
    const [port] = await freePorts(1);
    const secretFile = join(folder, 'hook.secret');
    writeFileSync(secretFile, 'a-secret-of-the-hook\n');
    await ann.json('room', 'create', 'alerts', 'helper');
    const bridge = ann.start(
      '--json',
      'bridge',
      'alerts',
      '--listen',
      `127.0.0.1:${port}`,
      '--secret-file',
      secretFile,
    );
    children.push(bridge.child);
    await until('the bridge', () => bridge.stdout.includes('"url"'));
    const { url } = JSON.parse(bridge.stdout) as { url: string };

    const post = (to: string, body: string, key?: string): Promise<Response> =>
      fetch(to, { method: 'POST', body, headers: key === undefined ? {} : { 'idempotency-key': key } });
    const sent = await post(url, '{"text":"disk full","username":"grafana"}', 'alert-1');
    expect([sent.status, await sent.json()]).toMatchObject([200, { seq: 1, state: 'sent' }]);
    expect((await post(url, '{"text":"disk full","username":"grafana"}', 'alert-1')).status).toBe(200);
    const refused = [
      await post(url.replace('a-secret', 'b-secret'), '{"text":"x"}'),
      await post(url, '{"words":"x"}'),
      await post(url, JSON.stringify({ text: 'x'.repeat(70_000) })),
      await fetch(url),
    ];
    expect(refused.map(({ status }) => status)).toEqual([404, 400, 413, 405]);

    const lines = await helper.json<{ text: string }>('read', 'alerts');
    expect(lines.map(({ text }) => text)).toEqual(['**grafana**: disk full']);
    bridge.child.kill('SIGTERM');
    expect(await bridge.ended).toBe(143);
  });

  it('listens on this machine only', async () => {
    const { code, stderr } = await ann.run('bridge', 'alerts', '--listen', '0.0.0.0:9100');
    expect(code).toBe(2);
    expect(stderr).toContain('loopback');
  });
});
