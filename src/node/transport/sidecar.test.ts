import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, nkeyAuthenticator } from 'nats';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { freePorts } from '../../testing/free-ports.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { ClusterKeys } from './cluster-keys.ts';
import { ensureNatsServer } from './find-nats-server.ts';
import { nodeNkey } from './node-nkey.ts';
import { startSidecar, type Sidecar, type SidecarOptions } from './sidecar.ts';
import { endProcess, isRunning, isSidecarProcess } from './sidecar-process.ts';
import { Subjects } from './subjects.ts';

const n1 = 'n1' as NodeName;
const n2 = 'n2' as NodeName;
const secret = new Uint8Array(32).fill(9);
const keys = new ClusterKeys(secret);
const subjects = new Subjects(keys.tagHex);
const logger = pino({ level: 'silent' });

let binary = '';
let folder = '';
let options: SidecarOptions;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  binary = await ensureNatsServer(join(process.cwd(), '.cache'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley sidecar '));
  const [client = 0, route = 0] = await freePorts(2);
  options = {
    node: n1,
    dataDir: folder,
    secret,
    client: { host: '127.0.0.1', port: client },
    route: { host: '127.0.0.1', port: route },
    peers: [{ host: '127.0.0.1', port: route }],
    logger,
    binary,
  };
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true, force: true });
});

const start = async (changes: Partial<SidecarOptions> = {}): Promise<Sidecar> => {
  const sidecar = await startSidecar({ ...options, ...changes });
  cleanups.push(() => sidecar.close());
  return sidecar;
};
const pidFile = (): Promise<string> => readFile(join(folder, 'nats-server.pid'), 'utf8');
const login = (user: NodeName, url: string): ReturnType<typeof connect> =>
  connect({ servers: url, authenticator: nkeyAuthenticator(nodeNkey(keys, user).seed), reconnect: false });

async function occupy(port: number): Promise<void> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  );
}

describe('startSidecar', () => {
  it('runs nats-server with a private file, notes its pid, and leaves nothing behind', async () => {
    const sidecar = await start();
    const { pid } = sidecar;
    expect(await pidFile()).toBe(`${pid}\n`);
    expect((await stat(join(folder, 'nats-server.conf'))).mode & 0o777).toBe(0o600);
    expect(await isSidecarProcess(pid ?? 0, join(folder, 'nats-server.conf'))).toBe(true);
    await sidecar.close();
    expect(isRunning(pid ?? 0)).toBe(false);
    expect(sidecar.pid).toBeUndefined();
    await expect(pidFile()).rejects.toThrow(/ENOENT/);
  });

  it('says to other servers where it is to be found', async () => {
    await start({ advertise: { host: '127.0.0.2', port: 4711 } });
    const socket = createConnection(options.route.port, '127.0.0.1');
    let said = '';
    for await (const data of socket) {
      said += String(data);
      if (said.includes('\r\n')) break;
    }
    expect(JSON.parse(said.slice('INFO '.length))).toMatchObject({ host: '127.0.0.2', port: 4711 });
  });

  it('lets in this node and nobody else', async () => {
    const { clientUrl } = await start();
    const client = await login(n1, clientUrl);
    await client.close();
    await expect(connect({ servers: clientUrl, reconnect: false })).rejects.toThrow(/AUTHORIZATION/i);
    await expect(login(n2, clientUrl)).rejects.toThrow(/AUTHORIZATION/i);
    const stranger = new ClusterKeys(new Uint8Array(32).fill(8));
    const authenticator = nkeyAuthenticator(nodeNkey(stranger, n1).seed);
    await expect(connect({ servers: clientUrl, authenticator, reconnect: false })).rejects.toThrow(/AUTHORIZATION/i);
  });

  it('lets in no server that does not know the cluster secret', async () => {
    await start();
    const socket = createConnection(options.route);
    cleanups.push(() => Promise.resolve(socket.destroy()));
    let answer = '';
    let ended = false;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('close', () => {
      ended = true;
    });
    await waitUntil(() => answer.startsWith('INFO '));
    expect(answer).toContain('"auth_required":true');
    socket.write(`CONNECT ${JSON.stringify({ user: 'route', pass: 'guess', name: 'x' })}\r\nPING\r\n`);
    await waitUntil(() => ended);
    expect(answer).toContain("-ERR 'Authorization Violation'");
    expect(answer).not.toContain('PONG');
  });

  it.each([
    ['publish', 'elsewhere'],
    ['publish', subjects.disconnected],
    ['publish', '$SYS.REQ.SERVER.PING'],
    ['subscribe', '>'],
    ['subscribe', subjects.node(n2)],
    ['subscribe', '$SYS.>'],
  ])('does not let this node %s to %s', async (operation, subject) => {
    const { clientUrl } = await start();
    const client = await login(n1, clientUrl);
    cleanups.push(() => client.close());
    const refusals: string[] = [];
    void (async () => {
      for await (const status of client.status()) refusals.push(String(status.permissionContext?.subject));
    })();
    if (operation === 'publish') client.publish(subject);
    else client.subscribe(subject, { callback: () => undefined });
    await client.flush();
    await waitUntil(() => refusals.length > 0);
    expect(refusals).toEqual([subject]);
  });

  it('brings a killed nats-server back, with a new pid file', async () => {
    const sidecar = await start();
    const killed = sidecar.pid ?? 0;
    process.kill(killed, 'SIGKILL');
    await waitUntil(async () => sidecar.pid !== undefined && sidecar.pid !== killed && (await canLogin(sidecar)));
    expect(await pidFile()).toBe(`${sidecar.pid}\n`);
  });

  it('replaces the nats-server that an earlier start left behind', async () => {
    await (await start()).close();
    const orphan = spawn(binary, ['--config', join(folder, 'nats-server.conf')], { detached: true, stdio: 'ignore' });
    const orphanPid = orphan.pid ?? 0;
    cleanups.push(() => endProcess(orphanPid));
    await writeFile(join(folder, 'nats-server.pid'), `${orphanPid}\n`);
    await waitUntil(() => isSidecarProcess(orphanPid, join(folder, 'nats-server.conf')));
    const sidecar = await start();
    expect(isRunning(orphanPid)).toBe(false);
    expect(sidecar.pid).not.toBe(orphanPid);
  });

  it('leaves a process alone that only inherited the number in a stale pid file', async () => {
    const innocent = spawn('sleep', ['60'], { stdio: 'ignore' });
    cleanups.push(() => endProcess(innocent.pid ?? 0));
    await writeFile(join(folder, 'nats-server.pid'), `${innocent.pid}\n`);
    await start();
    expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
  });

  it.each(['client', 'route'] as const)('says in one sentence that its %s port is taken', async (which) => {
    const { port } = options[which];
    await occupy(port);
    await expect(start()).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringMatching(
        new RegExp(`^Port 127\\.0\\.0\\.1:${port} \\(.+\\) is taken by another program\\.$`),
      ),
    });
  });

  it('refuses an address that is not one of this machine, or not an address at all', async () => {
    const elsewhere = { client: { host: '192.0.2.1', port: options.client.port } };
    await expect(start(elsewhere)).rejects.toMatchObject({ code: 'usage' });
    const crooked = { client: { host: '127.0.0.1" } jetstream {', port: options.client.port } };
    await expect(start(crooked)).rejects.toMatchObject({ code: 'usage' });
  });

  it('tells why nats-server did not start', async () => {
    await expect(start({ binary: '/bin/false' })).rejects.toMatchObject({ code: 'internal' });
  });
});

async function canLogin({ clientUrl }: Sidecar): Promise<boolean> {
  try {
    await (await login(n1, clientUrl)).close();
    return true;
  } catch {
    return false;
  }
}
