import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Value } from '@sinclair/typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { freePorts } from '../src/testing/free-ports.ts';
import { readChatdConfig } from '../src/cli/chatd/config.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { findProgram } from '../src/testing/programs/find-program.ts';
import { NGINX, OPENSSL } from '../src/testing/programs/test-programs.ts';
import { Problem, type ProblemJson } from '../src/protocol/http/schemas.ts';
import { ParleyHome } from './parley-home.ts';
import { CHATD, ROOT, until } from './support.ts';
import type { IncomingMessage } from 'node:http';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

const run = promisify(execFile);
const [openssl, nginx] = await Promise.all([OPENSSL, NGINX].map((program) => findProgram(program)));
if (openssl === undefined) process.stderr.write('deploy.test.ts: skipped in part, there is no openssl here\n');
if (nginx === undefined) process.stderr.write('deploy.test.ts: skipped in part, there is no nginx here\n');

let folder = '';
let certificate = '';
let key = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-deploy-'));
  certificate = join(folder, 'cert.pem');
  key = join(folder, 'key.pem');
  if (openssl === undefined) return;
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await run(openssl, ['req', ...form, '-keyout', key, '-out', certificate, ...subject]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const home = (name: string): ParleyHome =>
  new ParleyHome(join(folder, name), { NODE_EXTRA_CA_CERTS: certificate, PARLEY_ENDPOINT: '' });

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request, trusting the certificate of these tests alone. */
async function ask(url: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const sent = request(url, { ...options, ca: readFileSync(certificate) }).end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of reply) body += String(chunk);
  return { status: reply.statusCode ?? 0, headers: reply.headers, body };
}

const serves = (url: string): Promise<void> =>
  until(`${url} serves`, async () => (await ask(`${url}/readyz`).catch(() => null))?.status === 200);

describe.skipIf(nginx === undefined || openssl === undefined)('nginx, as deploy/nginx configures it', () => {
  let cluster: ScratchCluster;
  let proxy: ChildProcess;
  let url = '';
  beforeAll(async () => {
    const [port] = await freePorts(1);
    url = `https://127.0.0.1:${port}`;
    cluster = await startScratchCluster({
      nodes: 3,
      restart: false,
      say: () => {},
      chatdFile: CHATD,
      keepRateLimits: true,
      env: { CHATD_ORIGIN: url, CHATD_TRUSTED_PROXIES: '127.0.0.1' },
    });
    proxy = await startNginx(port!);
    await serves(url);
  });
  afterAll(async () => {
    if (proxy?.exitCode === null) {
      proxy.kill('SIGTERM');
      await once(proxy, 'exit');
    }
    await cluster?.close();
  });

  /** The files as they ship, with this machine's ports and certificate in the marked places. */
  async function startNginx(port: number): Promise<ChildProcess> {
    const prefix = join(folder, 'nginx');
    mkdirSync(join(prefix, 'snippets'), { recursive: true });
    cpSync(join(ROOT, 'deploy/nginx/parley-proxy.conf'), join(prefix, 'snippets/parley-proxy.conf'));
    let site = readFileSync(join(ROOT, 'deploy/nginx/parley.conf'), 'utf8')
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replace('/etc/ssl/parley/fullchain.pem', certificate)
      .replace('/etc/ssl/parley/key.pem', key);
    cluster.layout.nodes.forEach(({ apiPort }, i) => {
      site = site.replace(`127.0.0.1:808${i + 1}`, `127.0.0.1:${apiPort}`);
    });
    writeFileSync(join(prefix, 'parley.conf'), site);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${prefix}/${kind};`,
    );
    const main = `daemon off; worker_processes 1; pid ${prefix}/nginx.pid;
      error_log ${prefix}/error.log warn; events {}
      http { access_log off; ${temporary.join(' ')} include parley.conf; }`;
    writeFileSync(join(prefix, 'nginx.conf'), main);
    const args = ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', `${prefix}/error.log`];
    await run(nginx!, [...args, '-t']);
    return spawn(nginx!, args, { stdio: 'ignore' });
  }

  it('carries a conversation, its live feed too, through one address, while a node dies', async () => {
    const [ann, bob] = [home('ann'), home('bob')];
    await ann.json('--endpoint', url, 'register', 'ann');
    await bob.json('--endpoint', url, 'register', 'bob');
    const tail = bob.start('--json', 'tail');
    await ann.json('send', '@bob', 'through the proxy');
    await until('the live feed', () => tail.stdout.includes('through the proxy'));
    await cluster.supervisor.killNode('n1', { withSidecar: true });
    await ann.json('send', '@bob', 'without n1');
    await until('the live feed goes on', () => tail.stdout.includes('without n1'));
    tail.child.kill('SIGTERM');
    await tail.ended;
    const texts = (await bob.json<{ text: string }>('read', '@ann')).map(({ text }) => text);
    expect(texts).toEqual(['through the proxy', 'without n1']);
    cluster.supervisor.startNode('n1');
  });

  it('goes by the address that nginx sees, whatever the client says', async () => {
    const from = { 'x-forwarded-for': '203.0.113.1' };
    for (let i = 0; i < 12; i += 1) expect((await ask(`${url}/v1/cluster`, { headers: from })).status).toBe(200);
    // A trusted proxy that says so itself is believed: nobody has asked from there yet.
    for (const place of cluster.layout.nodes.slice(1)) {
      const { headers } = await fetch(`${apiUrl(place)}/v1/cluster`, { headers: from });
      expect(Number(headers.get('ratelimit-remaining'))).toBe(Number(headers.get('ratelimit-limit')) - 1);
    }
  });

  it('refuses what no node would take, in the form of the API', async () => {
    const answer = await ask(`${url}/v1/accounts`, { method: 'POST', headers: { 'content-length': String(2 ** 25) } });
    expect(answer.status).toBe(413);
    expect(problemIn(answer).code).toBe('payload_too_large');
  });

  it('says in the form of the API that no node answers, and serves again once one does', async () => {
    for (const { name } of cluster.layout.nodes) await cluster.supervisor.killNode(name, { withSidecar: true });
    const answer = await ask(`${url}/v1/cluster`);
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(problemIn(answer)).toMatchObject({ code: 'cannot_connect', retryable: true });
    for (const { name } of cluster.layout.nodes) cluster.supervisor.startNode(name);
    await serves(url);
  });
});

/** The answer's body, which is of the same form as those of the nodes. */
function problemIn({ headers, body }: Answer): ProblemJson {
  expect(headers['content-type']).toContain('application/problem+json');
  const problem: unknown = JSON.parse(body);
  expect(Value.Check(Problem, problem)).toBe(true);
  return problem as ProblemJson;
}

describe.skipIf(openssl === undefined)('chatd facing clients by itself', () => {
  let chatd: ChildProcess | undefined;
  afterAll(async () => {
    if (chatd === undefined || chatd.exitCode !== null) return;
    chatd.kill('SIGTERM');
    await once(chatd, 'exit');
  });

  it('speaks TLS', async () => {
    const [apiPort, natsPort, routePort] = await freePorts(3);
    const secret = join(folder, 'cluster.secret');
    writeFileSync(secret, 'ab'.repeat(32), { mode: 0o600 });
    const place = ['--id', 'n1', '--peers', `n1=127.0.0.1:${routePort}`, '--nats-port', String(natsPort)];
    const files = ['--data', join(folder, 'n1'), '--cluster-secret-file', secret];
    const face = ['--api', `127.0.0.1:${apiPort}`, '--tls-cert', certificate, '--tls-key', key];
    const args = [CHATD, ...place, ...files, ...face, '--registration', 'open', '--log-level', 'silent'];
    chatd = spawn(process.execPath, args, { stdio: 'ignore' });
    const url = `https://127.0.0.1:${apiPort}`;
    await serves(url);
    expect((await ask(`${url}/livez`)).headers['strict-transport-security']).toBe('max-age=31536000');
    const eve = home('eve');
    await eve.json('--endpoint', url, 'register', 'eve');
    await home('fay').json('--endpoint', url, 'register', 'fay');
    const live = home('fay').start('--json', 'tail');
    await live.noted('listening');
    expect((await eve.json('send', '@fay', 'by TLS'))[0]).toMatchObject({ seq: 1 });
    expect((await live.printed(1))[0]).toContain('by TLS');
    live.child.kill('SIGINT');
    await live.ended;
    // Nobody vouches for this certificate where the person has not said so; nothing is sent to it.
    const stranger = new ParleyHome(join(folder, 'stranger'));
    const refused = await stranger.run('--endpoint', url, 'register', 'gus');
    expect([refused.code, refused.stdout]).toEqual([3, '']);
    expect((await home('hal').run('--endpoint', 'http://chat.example.org', 'register', 'hal')).code).toBe(2);
  });
});

it('ships settings that chatd reads', () => {
  const file = join(ROOT, 'deploy/systemd/chatd.toml');
  const text = readFileSync(file, 'utf8');
  const config = readChatdConfig({ config: file }, {});
  expect(config).toMatchObject({ name: 'n1', advertiseUrl: 'https://chat.example.org', registration: 'invite' });
  // The other way of facing clients, which stands there as a comment, is right too.
  const [proxied, facing] = text.split('# Facing clients itself, instead:\n') as [string, string];
  const changed = proxied.slice(0, proxied.indexOf('# Behind nginx')) + facing.replaceAll(/^# /gm, '');
  writeFileSync(join(folder, 'facing.toml'), changed);
  expect(readChatdConfig({ config: join(folder, 'facing.toml') }, {})).toMatchObject({
    api: { host: '0.0.0.0', port: 443 },
    tls: { certFile: '/etc/parley/fullchain.pem' },
    origins: ['https://chat.example.org'],
  });
});
