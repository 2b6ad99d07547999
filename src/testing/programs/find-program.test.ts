import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagesIn } from './debian-packages.ts';
import { ensureProgram, findProgram } from './find-program.ts';
import { STRACE } from './test-programs.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-program-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that ends with this exit code, whatever it is to trace. */
async function program(path: string, exitCode: number): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\nexit ${exitCode}\n`);
  await chmod(file, 0o755);
  return file;
}

describe('findProgram', () => {
  it('prefers STRACE_BIN, then PATH, then what was fetched', async () => {
    const named = await program('named/tracer', 0);
    const inPath = await program('bin/strace', 0);
    const cached = await program('cache/strace/strace', 0);
    const cache = join(folder, 'cache');
    const PATH = `${join(folder, 'nowhere')}:${join(folder, 'bin')}`;
    expect(await findProgram(STRACE, cache, { STRACE_BIN: named, PATH })).toBe(named);
    expect(await findProgram(STRACE, cache, { PATH })).toBe(inPath);
    expect(await findProgram(STRACE, cache, { STRACE_BIN: '', PATH: join(folder, 'nowhere') })).toBe(cached);
  });

  it('passes over one that may not trace', async () => {
    await program('first/strace', 1);
    const second = await program('second/strace', 0);
    const PATH = `${join(folder, 'first')}:${join(folder, 'second')}`;
    expect(await findProgram(STRACE, join(folder, 'cache'), { PATH })).toBe(second);
    expect(await findProgram(STRACE, join(folder, 'cache'), { PATH: join(folder, 'first') })).toBeUndefined();
  });
});

describe('ensureProgram', () => {
  it('fetches nothing in the place of one that was named', async () => {
    const broken = await program('named/tracer', 1);
    const cache = join(folder, 'cache');
    expect(await ensureProgram(STRACE, cache, { STRACE_BIN: broken })).toBeUndefined();
    expect(await readdir(folder)).toEqual(['named']);
  });
});

it('reads what a package depends on', () => {
  const field = 'libc6 (>= 2.34), libunwind8, libgcc-s1 (>= 3.0) | libgcc1 , g++-12:any\n';
  expect(packagesIn(field)).toEqual(['libc6', 'libunwind8', 'libgcc-s1', 'g++-12']);
  expect(packagesIn('\n')).toEqual([]);
});
