import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogIndex, Term } from '../../consensus/types.ts';
import { EMPTY_HARD_STATE } from '../../consensus/types.ts';
import { mountProblem, SmallFilesystem } from '../../testing/small-filesystem.ts';
import { applyTestEntry, hardStateOf, testEntry } from '../../testing/store/fill-store.ts';
import { removeImage } from '../../testing/store/store-images.ts';
import { insistIntact, makeTemporaryFolder, openMember, optionsFor } from '../../testing/store/temporary-store.ts';
import { singleSeal } from '../../testing/store/test-keys.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { CHAIN_START, chainHashBytes } from './chain-hash.ts';
import { FatalSwitch } from './fatal-switch.ts';
import { MarkFile } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import type { IntactStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

const PRLIMIT = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path));
const mounting = mountProblem();
if (PRLIMIT === undefined) process.stderr.write('failing writes are tested in part only: there is no prlimit\n');
if (mounting !== undefined) process.stderr.write(`no disk is filled: ${mounting}\n`);

/** From now on this process cannot write beyond that many bytes of any file: the system refuses it (EFBIG). */
function limitFiles(bytes: number | 'unlimited'): void {
  execFileSync(PRLIMIT!, ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
}

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(async () => {
  if (PRLIMIT !== undefined) limitFiles('unlimited');
  await removeImage(dir);
});

async function openFailing(problems: Error[]): Promise<IntactStore> {
  await (await openMember(dir)).close();
  return insistIntact(await openNodeStore({ ...optionsFor(dir), onFatal: (error) => problems.push(error) }));
}

const withBytes = (index: number, bytes: number): ReturnType<typeof testEntry> => ({
  ...testEntry(index, 1),
  data: new Uint8Array(bytes).fill(index),
});

/** Appends until the disk refuses; returns the last index that was called durable. */
async function appendUntil(store: IntactStore, problems: readonly Error[], bytes: number): Promise<number> {
  let durable = 0;
  for (let index = 1; problems.length === 0; index += 1) {
    const write = { hardState: hardStateOf(1, 0), entries: [withBytes(index, bytes)] };
    const outcome = new Promise<void>((resolve) => {
      store.log.append(write, () => {
        durable = index;
        resolve();
      });
    });
    await Promise.race([outcome, waitUntil(() => problems.length > 0)]);
  }
  return durable;
}

describe.skipIf(mounting !== undefined)('a disk that is full', () => {
  it('ends the node with one sentence; all that was called durable is there once there is room', async () => {
    const disk = new SmallFilesystem(dir, 16);
    try {
      const problems: Error[] = [];
      const store = await openFailing(problems);
      disk.leave(1024 * 1024);
      const durable = await appendUntil(store, problems, 20_000);
      expect(durable).toBeGreaterThan(10);
      expect(problems).toHaveLength(1);
      expect(problems[0]!.message).toMatch(/^writing the log failed: .*No space left/);
      await store.close();
      disk.empty();
      const again = await openMember(dir);
      expect(again.log.lastIndex()).toBeGreaterThanOrEqual(durable);
      expect(again.log.initialState().hardState.term).toBe(1);
      for (let index = 1; index <= durable; index += 1) {
        const [entry] = again.log.entries(index as LogIndex, (index + 1) as LogIndex, Number.POSITIVE_INFINITY) as [
          ReturnType<typeof testEntry>,
        ];
        expect(Buffer.compare(entry.data, withBytes(index, 20_000).data)).toBe(0);
      }
      await again.close();
    } finally {
      disk.unmount();
    }
  });

  it('leaves a directory that cannot be opened for lack of room as it was', async () => {
    const disk = new SmallFilesystem(dir, 16);
    try {
      await (await openMember(dir)).close();
      disk.leave(0);
      await expect(openMember(dir)).rejects.toThrow(/ENOSPC|No space/);
      disk.empty();
      await (await openMember(dir)).close();
    } finally {
      disk.unmount();
    }
  });
});

describe.skipIf(PRLIMIT === undefined)('a write that the system refuses', () => {
  it('of the log is fatal, and never called durable', async () => {
    const problems: Error[] = [];
    const store = await openFailing(problems);
    limitFiles(100_000);
    const durable = await appendUntil(store, problems, 20_000);
    limitFiles('unlimited');
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/^writing the log failed: /)]);
    await store.close();
    const again = await openMember(dir);
    expect(again.log.lastIndex()).toBeGreaterThanOrEqual(durable);
    await again.close();
  });

  it('of the mark is fatal, and never called durable', async () => {
    const problems: Error[] = [];
    const path = join(dir, 'mark');
    const fatal = new FatalSwitch((error) => problems.push(error));
    const content = (term: number): MarkContent => ({
      hardState: { ...EMPTY_HARD_STATE, term: term as Term },
      mark: {
        ackTerm: term as Term,
        index: 0 as LogIndex,
        term: 0 as Term,
        hash: chainHashBytes(CHAIN_START),
      },
    });
    const seal = singleSeal();
    const mark = await MarkFile.create({ path, syncIntervalMs: 5, fatal, seal }, content(1));
    limitFiles(4096);
    let isDurable = false;
    mark.update(content(2));
    mark.sync(() => (isDurable = true));
    await waitUntil(() => problems.length > 0);
    limitFiles('unlimited');
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining(`writing ${path} failed: EFBIG`)]);
    expect(isDurable).toBe(false);
    await mark.close();
    const again = await MarkFile.open({ path, syncIntervalMs: 5, fatal: new FatalSwitch(() => {}), seal });
    expect(again!.content.hardState.term).toBe(1);
    await again!.close();
  });

  it('of the state is fatal, and what it was told of is not counted as durable', async () => {
    const problems: Error[] = [];
    const store = await openFailing(problems);
    limitFiles(20_000);
    for (let index = 1; problems.length === 0; index += 1) {
      applyTestEntry(store, index, 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    limitFiles('unlimited');
    expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(/^writing the state failed: /)]);
    expect(store.state.durableIndex).toBeLessThan(store.state.appliedIndex);
    await store.close();
  });
});
