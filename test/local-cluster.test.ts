import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { isReady, whenReady } from '../src/cli/local-cluster/ready.ts';
import { CHATCTL, CHATD, runProgram, START, until } from './support.ts';
import type { AddressInfo } from 'node:net';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { StatusJson } from '../src/protocol/http/schemas.ts';

describe('a cluster on this machine', () => {
  let cluster: ScratchCluster;
  beforeAll(async () => {
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
  });
  afterAll(() => cluster.close());

  const chatctl = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram(CHATCTL, ['--endpoint', cluster.layout.nodes.map(apiUrl).join(','), ...args], {
      PARLEY_DATA: cluster.layout.dataDir,
    });
  const status = async (): Promise<{ code: number | null; status: StatusJson }> => {
    const { code, stdout } = await chatctl('status', '--json');
    return { code, status: JSON.parse(stdout) as StatusJson };
  };

  it('is healthy, and every node shows the same state', async () => {
    await until('equal state', async () => {
      const { nodes } = await clusterStatus(cluster.layout);
      return new Set(nodes.map(({ stateHash, stateHashIndex }) => `${stateHash}@${stateHashIndex}`)).size === 1;
    });
    const { code, status: healthy } = await status();
    expect(code).toBe(0);
    expect(healthy).toMatchObject({ healthy: true, quorum: { voters: 3, needed: 2, faultTolerance: 1 } });
    for (const node of healthy.nodes) {
      const place = cluster.layout.nodes.find(({ name }) => name === node.id)!;
      expect(node).toMatchObject({ up: true, voter: true, api: apiUrl(place), problem: null });
      expect(node.stateHashIndex).toBe(node.appliedIndex);
      expect(node.pid).toBe(Number(readFileSync(join(place.dataDir, 'chatd.pid'), 'utf8')));
      expect(node.natsPid).toBe(Number(readFileSync(join(place.dataDir, 'nats-server.pid'), 'utf8')));
    }
    const table = await chatctl('status');
    expect(table.stdout).toContain('healthy');
  });

  it('compares the state of all nodes, on demand down to the rows', async () => {
    const shallow = await chatctl('verify', '--json');
    expect(shallow.code).toBe(0);
    expect(JSON.parse(shallow.stdout)).toMatchObject({ equal: true, nodes: [{ rowsMatch: null }, {}, {}] });
    const deep = await chatctl('verify', '--deep', '--json');
    expect(deep.code).toBe(0);
    const { nodes } = JSON.parse(deep.stdout) as { nodes: { node: string; rowsMatch: boolean; rows: number }[] };
    expect(nodes.map(({ node, rowsMatch }) => [node, rowsMatch])).toEqual([
      ['n1', true],
      ['n2', true],
      ['n3', true],
    ]);
    expect((await chatctl('verify')).stdout).toContain('the same');
  });

  it('puts every state on disk when told to', async () => {
    const { code, stdout } = await chatctl('snapshot', '--json');
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { node: string; durableIndex: number });
    const { status: now } = await status();
    expect(lines.map(({ node }) => node)).toEqual(['n1', 'n2', 'n3']);
    for (const { durableIndex } of lines) expect(durableIndex).toBeGreaterThanOrEqual(now.commitIndex - 1);
  });

  it('needs a credential for the status', async () => {
    const { code } = await runProgram(CHATCTL, ['--endpoint', apiUrl(cluster.layout.nodes[0]!), 'status'], {
      PARLEY_DATA: join(cluster.layout.dataDir, 'nowhere'),
    });
    expect(code).toBe(5);
  });

  it('heals when only a nats-server is killed', async () => {
    const [place] = cluster.layout.nodes;
    const { pid } = cluster.supervisor.child(place!.name)!;
    const before = cluster.supervisor.child(place!.name)!.natsPid!;
    process.kill(before, 'SIGKILL');
    await until('another nats-server', () => {
      const now = cluster.supervisor.child(place!.name)!.natsPid;
      return now !== null && now !== before;
    });
    await until('health', async () => (await status()).code === 0);
    expect(cluster.supervisor.child(place!.name)!.pid).toBe(pid);
  });

  it('reports one dead node as degraded, two as no quorum, and recovers', async () => {
    await cluster.supervisor.killNode('n3', { withSidecar: false });
    await until('degraded', async () => (await status()).code === 1);
    expect((await status()).status.nodes.find(({ id }) => id === 'n3')).toMatchObject({
      up: false,
      role: null,
      pid: null,
    });
    await cluster.supervisor.killNode('n2', { withSidecar: true });
    await until('no quorum', async () => {
      const { code, status: broken } = await status();
      return code === 4 && broken.leader === null;
    });
    cluster.supervisor.startNode('n2');
    cluster.supervisor.startNode('n3');
    await until('health', async () => (await status()).code === 0, 60_000);
  });

  it('refuses a second process on the same data', async () => {
    const [place, other] = cluster.layout.nodes;
    const { code, stderr } = await runProgram(CHATD, [
      ...['--id', place!.name, '--peers', `${place!.name}=127.0.0.1:${other!.routePort}`],
      ...['--data', place!.dataDir, '--cluster-secret-file', cluster.layout.secretFile],
      ...['--api', '127.0.0.1:1', '--nats-port', '1'],
    ]);
    expect(code).toBe(7);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^chatd: .*(use|lock)/);
    expect(await isReady(place!)).toBe(true);
  });

  it('refuses the data directory of another node', async () => {
    await cluster.supervisor.stopNode('n3');
    const place = cluster.layout.nodes[2]!;
    const { code, stderr } = await runProgram(CHATD, [
      ...['--id', 'n7', '--peers', `n7=127.0.0.1:${place.routePort}`],
      ...['--data', place.dataDir, '--cluster-secret-file', cluster.layout.secretFile],
      ...['--api', `127.0.0.1:${place.apiPort}`, '--nats-port', String(place.natsPort)],
    ]);
    expect(code).toBe(7);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^chatd: .*n3/);
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
  });

  it('refuses the data directory of another cluster, which changes nothing in this one', async () => {
    const stranger = join(cluster.layout.dataDir, 'stranger');
    const other = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    await other.supervisor.stopNode('n3');
    cpSync(other.layout.nodes[2]!.dataDir, stranger, { recursive: true });
    cpSync(`${other.layout.nodes[2]!.dataDir}.key`, `${stranger}.key`);
    await other.close();

    await cluster.supervisor.stopNode('n3');
    const { term, commitIndex } = await clusterStatus(cluster.layout);
    const place = cluster.layout.nodes[2]!;
    const peers = cluster.layout.nodes.map(({ name, routePort }) => `${name}=127.0.0.1:${routePort}`);
    const { code, stderr } = await runProgram(CHATD, [
      ...['--id', 'n3', '--peers', peers.join(','), '--data', stranger],
      ...['--cluster-secret-file', cluster.layout.secretFile],
      ...['--api', `127.0.0.1:${place.apiPort}`, '--nats-port', String(place.natsPort)],
    ]);
    expect(code).toBe(7);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^chatd: This data directory belongs to cluster C/);
    expect(await clusterStatus(cluster.layout)).toMatchObject({ term, commitIndex });
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
  });

  it('refuses a directory without its wrapping key, or with another one, and leaves it as it was', async () => {
    await cluster.supervisor.stopNode('n3');
    const [, other, place] = cluster.layout.nodes;
    const start = (): ReturnType<typeof runProgram> =>
      runProgram(CHATD, [
        ...['--id', 'n3', '--peers', `n3=127.0.0.1:${place!.routePort}`, '--data', place!.dataDir],
        ...['--cluster-secret-file', cluster.layout.secretFile],
        ...['--api', `127.0.0.1:${place!.apiPort}`, '--nats-port', String(place!.natsPort)],
      ]);
    const keyFile = `${place!.dataDir}.key`;
    const key = readFileSync(keyFile);
    const contentOf = (name: string): string => readFileSync(join(place!.dataDir, name), 'latin1');
    const before = ['keys', 'keys.copy', 'boot', 'mark', 'manifest'].map(contentOf);
    rmSync(keyFile);
    const without = await start();
    expect(without.code).toBe(2);
    expect(without.stderr.trim().split('\n').at(-1)).toMatch(/^chatd: The wrapping key of .* is missing/);
    cpSync(`${other!.dataDir}.key`, keyFile);
    const wrong = await start();
    expect(wrong.code).toBe(1);
    expect(wrong.stderr.trim().split('\n').at(-1)).toMatch(/^chatd: .* is sealed under wrapping key/);
    expect(['keys', 'keys.copy', 'boot', 'mark', 'manifest'].map(contentOf)).toEqual(before);
    writeFileSync(keyFile, key);
    cluster.supervisor.startNode('n3');
    expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
  });

  it('goes on under another wrapping key, one node after the other', async () => {
    for (const { name, dataDir } of cluster.layout.nodes) {
      const running = await runProgram(CHATD, ['rekey', '--data', dataDir]);
      expect(running.code).toBe(7);
      await cluster.supervisor.stopNode(name);
      const before = readFileSync(`${dataDir}.key`, 'utf8');
      expect(await runProgram(CHATD, ['rekey', '--data', dataDir])).toMatchObject({ code: 0, stderr: '' });
      expect(readFileSync(`${dataDir}.key`, 'utf8')).not.toBe(before);
      cluster.supervisor.startNode(name);
      expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);
    }
  });

  it('keeps an emptied node from voting, and says why', async () => {
    await cluster.supervisor.stopNode('n3');
    rmSync(cluster.layout.nodes[2]!.dataDir, { recursive: true });
    mkdirSync(cluster.layout.nodes[2]!.dataDir);
    cluster.supervisor.startNode('n3');
    await until('the reason', async () => {
      const node = (await clusterStatus(cluster.layout)).nodes.find(({ id }) => id === 'n3');
      return node?.problem?.includes('must not vote') === true;
    });
    const { code, status: degraded } = await status();
    expect(code).toBe(1);
    expect(degraded.leader).not.toBeNull();
  });
});

describe('npm start', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'parley-start-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('names a port that is taken, and starts nothing', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stdout, stderr } = await runProgram(START, [], {
      PARLEY_PORT_BASE: String(port - 1),
      PARLEY_DATA: join(dir, 'a'),
    });
    taken.close();
    expect(code).toBe(7);
    expect(stdout).toBe('');
    expect(stderr).toContain(`Port ${port}`);
  });

  it('refuses another number of nodes than the cluster was founded with', async () => {
    const data = join(dir, 'b');
    mkdirSync(data);
    writeFileSync(join(data, 'cluster.json'), '{"nodes":3}');
    const { code, stderr } = await runProgram(START, [], { PARLEY_DATA: data, PARLEY_NODES: '5' });
    expect(code).toBe(2);
    expect(stderr).toContain('PARLEY_NODES=3');
  });
});
