import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../testing/free-ports.ts';
import { layoutFrom } from './layout.ts';
import { preflight } from './preflight.ts';
import type { ClusterLayout } from './layout.ts';

describe('before a local cluster starts', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'parley-preflight-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const layout = async (dataDir: string, nodes = 1): Promise<ClusterLayout> => {
    const [apiPort, natsPort, routePort] = await freePorts(3);
    const { nodes: places, ...rest } = layoutFrom({ dataDir, portBase: 8080, nodes });
    const ports = { apiPort: apiPort!, natsPort: natsPort!, routePort: routePort! };
    return { ...rest, nodes: places.map((place) => ({ ...place, ...ports })) };
  };

  it('makes what is missing, and finds it again', async () => {
    const here = await layout(join(dir, 'new', 'data'));
    await preflight(here);
    expect(existsSync(here.secretFile)).toBe(true);
    expect(existsSync(here.nodes[0]!.dataDir)).toBe(true);
    await preflight(here);
    await expect(preflight(await layout(here.dataDir, 2))).rejects.toMatchObject({ code: 'usage' });
  });

  it('leaves alone what is no cluster', async () => {
    mkdirSync(join(dir, 'n1'));
    await expect(preflight(await layout(dir))).rejects.toThrow('no cluster of Parley');
    expect(readdirSync(dir)).toEqual(['n1']);
    writeFileSync(join(dir, 'file'), '');
    await expect(preflight(await layout(join(dir, 'file')))).rejects.toThrow('is no folder');
    writeFileSync(join(dir, 'cluster.json'), '{"nodes":');
    await expect(preflight(await layout(dir))).rejects.toThrow('does not say');
  });

  it.skipIf(process.platform !== 'linux')('says where a folder cannot be made', async () => {
    await expect(preflight(await layout('/proc/nope/data'))).rejects.toThrow('/proc/nope cannot be made');
  });

  it('writes nothing where a port is taken', async () => {
    const here = await layout(join(dir, 'data'));
    const [{ apiPort }] = here.nodes as [(typeof here.nodes)[0]];
    const server = (await import('node:net')).createServer().listen(apiPort, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(preflight(here)).rejects.toMatchObject({ code: 'port_in_use' });
    expect(existsSync(here.dataDir)).toBe(false);
    server.close();
  });

  it('sees a node that runs on this data already, and not what merely has its number', async () => {
    const here = await layout(join(dir, 'data'));
    await preflight(here);
    const file = join(here.nodes[0]!.dataDir, 'chatd.pid');
    writeFileSync(file, `${process.pid}\n`);
    await preflight(here);
    const args = ['-e', 'setInterval(() => {}, 1000)', '/somewhere/chatd.js'];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    await new Promise((resolve) => child.once('spawn', resolve));
    writeFileSync(file, `${child.pid}\n`);
    await expect(preflight(here)).rejects.toMatchObject({ code: 'data_in_use' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await ended;
    await preflight(here);
  });
});
