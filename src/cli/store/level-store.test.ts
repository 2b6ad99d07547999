import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitUntil } from '../../testing/wait-until.ts';
import { LevelStore } from './level-store.ts';
import type { ChildProcess } from 'node:child_process';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

describe('a store in a folder', () => {
  let dir: string;
  let folder: string;
  let store: LevelStore;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'parley-store-'));
    folder = join(dir, 'home', 'store');
    store = new LevelStore(folder);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const program = (...args: string[]): { child: ChildProcess; said: string[]; ended: Promise<number | null> } => {
    const loader = at('../../testing/typescript-loader.mjs');
    const file = at('../../testing/client/store-child.ts');
    const child = spawn(process.execPath, ['--import', loader, file, at('level-store.ts'), folder, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const said: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
    return { child, said, ended: once(child, 'close').then(([code]) => code as number | null) };
  };
  const put = (key: string, value: string): Promise<void> => store.transaction(async (tx) => tx.put(key, bytes(value)));
  const get = async (key: string): Promise<string | undefined> => text(await store.transaction((tx) => tx.get(key)));

  it('keeps what was put, for the next one that opens it', async () => {
    await put('a/1', 'one');
    await put('a/2', 'two');
    await put('b', 'other');
    await store.transaction(async (tx) => tx.delete('a/2'));
    await store.close();
    store = new LevelStore(folder);
    expect(await get('a/1')).toBe('one');
    expect(await get('a/2')).toBeUndefined();
    const rows = await store.transaction((tx) => tx.list('a/'));
    expect(rows.map(([key, value]) => [key, text(value)])).toEqual([['a/1', 'one']]);
  });

  it('shows a transaction its own changes, in order of keys', async () => {
    await put('a/2', 'two');
    await put('a/3', 'three');
    await store.transaction(async (tx) => {
      tx.put('a/1', bytes('one'));
      tx.put('a/2', bytes('TWO'));
      tx.delete('a/3');
      expect(text(await tx.get('a/1'))).toBe('one');
      expect(await tx.get('a/3')).toBeUndefined();
      const rows = await tx.list('a/');
      expect(rows.map(([key, value]) => [key, text(value)])).toEqual([
        ['a/1', 'one'],
        ['a/2', 'TWO'],
      ]);
    });
  });

  it('keeps nothing of a transaction that fails, and goes on', async () => {
    const failing = store.transaction(async (tx) => {
      tx.put('a', bytes('half'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await get('a')).toBeUndefined();
    await put('a', 'whole');
    expect(await get('a')).toBe('whole');
  });

  it('lets transactions of one program take turns', async () => {
    const add = (): Promise<void> =>
      store.transaction(async (tx) => {
        const count = Number(text(await tx.get('count')) ?? 0);
        await new Promise(setImmediate);
        tx.put('count', bytes(String(count + 1)));
      });
    await Promise.all(Array.from({ length: 50 }, add));
    expect(await get('count')).toBe('50');
  });

  it('loses no change of programs that use it at the same time', async () => {
    const each = 60;
    const programs = [program('count', String(each)), program('count', String(each))];
    for (let i = 0; i < each; i++) {
      await store.transaction(async (tx) => {
        const count = Number(text(await tx.get('count')) ?? 0);
        tx.put('count', bytes(String(count + 1)));
        tx.put(`by/here/${i}`, bytes(String(count)));
      });
    }
    expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0]);
    expect(await get('count')).toBe(String(3 * each));
    const seen = await store.transaction((tx) => tx.list('by/'));
    const counts = seen.map(([, value]) => Number(text(value))).toSorted((a, b) => a - b);
    expect(counts).toEqual(Array.from({ length: 3 * each }, (_, i) => i));
  });

  it('holds all or nothing of every transaction of a program that is killed', async () => {
    for (let kills = 0; kills < 3; kills++) {
      const { child, said, ended } = program('pairs');
      await waitUntil(() => said.length >= 20 + 13 * kills);
      child.kill('SIGKILL');
      await ended;
      const acknowledged = Number(said.at(-1));
      const last = Number(await get('last'));
      expect(last).toBeGreaterThanOrEqual(acknowledged);
      await store.transaction(async (tx) => {
        for (let i = 0; i <= last; i++) {
          const expected = String(i).repeat(500);
          expect([text(await tx.get(`a/${i}`)), text(await tx.get(`b/${i}`))]).toEqual([expected, expected]);
        }
        expect(await tx.get(`a/${last + 1}`)).toBeUndefined();
        for (const [key] of await tx.list('')) tx.delete(key);
      });
      await store.close();
    }
  });

  it('is free again when a program was killed in the middle of a transaction, which left nothing', async () => {
    const { child, said, ended } = program('hold');
    await waitUntil(() => said.includes('in'));
    const waiting = get('half');
    child.kill('SIGKILL');
    await ended;
    expect(await waiting).toBeUndefined();
  });

  it('says so when another program keeps it for itself', async () => {
    const { said } = program('hold');
    await waitUntil(() => said.includes('in'));
    await expect(get('half')).rejects.toMatchObject({ code: 'data_in_use', exitCode: 7 });
  });

  it('is readable by its owner only, whatever the umask says', async () => {
    const before = process.umask(0o022);
    try {
      await put('secret', 'key');
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(statSync(join(dir, 'home')).mode & 0o777).toBe(0o700);
      const open = join(dir, 'open');
      mkdirSync(join(open, 'store'), { recursive: true, mode: 0o755 });
      const second = new LevelStore(join(open, 'store'));
      await second.transaction(async (tx) => tx.put('secret', bytes('key')));
      expect(statSync(join(open, 'store')).mode & 0o777).toBe(0o700);
      await second.close();
    } finally {
      process.umask(before);
    }
  });

  it('says so when its folder cannot be made', async () => {
    writeFileSync(join(dir, 'file'), '');
    const nowhere = new LevelStore(join(dir, 'file', 'store'));
    const failing = nowhere.transaction((tx) => tx.get('a'));
    await expect(failing).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('cannot be made') });
  });

  describe('that is damaged', () => {
    const files = (ending: RegExp): string[] =>
      readdirSync(folder)
        .filter((name) => ending.test(name))
        .map((name) => join(folder, name));
    const damaged = { code: 'home_damaged', exitCode: 1, retryable: false };

    it('says so instead of making something up from a flipped bit', async () => {
      const secret = randomBytes(100);
      await store.transaction(async (tx) => tx.put('row', secret));
      await store.close();
      // Opened again, LevelDB has moved the row from its log into a table, whose checksums it does not look at.
      store = new LevelStore(folder);
      await get('row');
      await store.close();
      const [table] = files(/\.ldb$/);
      const content = readFileSync(table!);
      const place = content.indexOf(secret);
      expect(place).toBeGreaterThan(0);
      content[place]! ^= 1;
      writeFileSync(table!, content);
      store = new LevelStore(folder);
      await expect(get('row')).rejects.toMatchObject(damaged);
      const all = store.transaction((tx) => tx.list(''));
      await expect(all).rejects.toMatchObject({ ...damaged, message: expect.stringContaining(folder) });
    });

    it('says so when it cannot be opened', async () => {
      await put('row', 'x');
      await store.close();
      for (const file of files(/^MANIFEST/)) writeFileSync(file, 'nonsense');
      store = new LevelStore(folder);
      await expect(get('row')).rejects.toMatchObject(damaged);
    });

    it.each([[/^CURRENT$/], [/^MANIFEST/]])('says so when %s is gone, and touches nothing', async (ending) => {
      await put('row', 'x');
      await store.close();
      for (const file of files(ending)) rmSync(file);
      const before = files(/\.log$|\.ldb$/).map((file) => readFileSync(file).toString('hex'));
      store = new LevelStore(folder);
      await expect(get('row')).rejects.toMatchObject(damaged);
      expect(files(/\.log$|\.ldb$/).map((file) => readFileSync(file).toString('hex'))).toEqual(before);
    });
  });
});
