import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  NOTHING_PROMISED,
  checkImage,
  expectationOf,
  hear,
  type Expectation,
  type Promised,
} from '../../testing/store/crash-check.ts';
import { CRASHES, CrashDisk, type Crash } from '../../testing/store/crash-disk.ts';
import { randomFrom } from '../../testing/store/crash-steps.ts';
import { traceFiles } from '../../testing/store/file-trace.ts';
import { findProgram } from '../../testing/programs/find-program.ts';
import { STRACE } from '../../testing/programs/test-programs.ts';
import { runWorkload, workloadCommand, type WorkloadOutcome } from '../../testing/store/run-workload.ts';
import { makeTemporaryFolder } from '../../testing/store/temporary-store.ts';

/** `PARLEY_CRASH_SEED` makes another workload; `PARLEY_CRASH_IMAGES=all` opens every image, not a sample of them. */
const SEED = Number(process.env['PARLEY_CRASH_SEED'] ?? 7);
const ALL = process.env['PARLEY_CRASH_IMAGES'] === 'all';
const IMAGES = 200;
const STEPS = 120;
const KILLS = 3;

const strace = await findProgram(STRACE);

describe('every crash point of a traced run', () => {
  it('leaves what was called done, and nothing that never was', async ({ skip }) => {
    const program = strace ?? skip('strace is not installed, could not be fetched, or may not trace here');
    const folder = await makeTemporaryFolder();
    const command = workloadCommand(join(folder, 'data'), SEED, STEPS);
    const operations = await traceFiles(program, command, { dir: folder, traceFile: join(folder, 'trace') });
    await rm(folder, { recursive: true });
    const expectation = expectationOf(SEED, STEPS);
    const random = randomFrom(SEED);
    const points = operations.length * CRASHES.length;
    const disk = new CrashDisk(folder);
    let promised = NOTHING_PROMISED;
    let images = 0;
    for (const [at, operation] of operations.entries()) {
      disk.apply(operation);
      if (operation.kind === 'said') promised = hear(promised, operation.text);
      for (const crash of CRASHES) {
        if (!ALL && random(points) >= IMAGES) continue;
        images += 1;
        await checkOne(disk, { crash, at, random, promised, expectation });
      }
    }
    expect(promised).toEqual({ open: true, begun: STEPS, done: expect.any(Number) as number });
    if (ALL) process.stdout.write(`${images} images of ${operations.length} file operations: all as promised\n`);
    expect(images).toBeGreaterThan(IMAGES / 2);
  }, 3_600_000);

  async function checkOne(
    disk: CrashDisk,
    crashed: {
      readonly crash: Crash;
      readonly at: number;
      readonly random: (bound: number) => number;
      readonly promised: Promised;
      readonly expectation: Expectation;
    },
  ): Promise<void> {
    const { crash, at, random, promised, expectation } = crashed;
    const image = await makeTemporaryFolder();
    await disk.writeImage(image, crash, random);
    try {
      await checkImage(join(image, 'data'), promised, expectation);
    } catch (error) {
      const what = `${crash} after operation ${at}, ${JSON.stringify(promised)}, in ${image}`;
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await rm(image, { recursive: true });
  }
});

describe('kill -9', () => {
  it(`${KILLS} times, at any moment, leaves what was called done`, async () => {
    const random = randomFrom(SEED);
    for (let round = 0; round < KILLS; round += 1) {
      const folder = await makeTemporaryFolder();
      const dir = join(folder, 'data');
      const { promised } = await runWorkload(workloadCommand(dir, SEED + round, STEPS), 1 + random(STEPS));
      expect(promised.begun).toBeGreaterThan(0);
      await checkImage(dir, promised, expectationOf(SEED + round, STEPS));
      await rm(folder, { recursive: true });
    }
  });
});

describe('a disk that takes no more', () => {
  const BLOCK_BYTES = 512;

  /** Runs the workload with files of at most so many KiB. */
  function runLimited(dir: string, kibibytes: number): Promise<WorkloadOutcome> {
    const limited = `ulimit -f ${(kibibytes * 1024) / BLOCK_BYTES}; exec "$@"`;
    return runWorkload(['/bin/sh', '-c', limited, 'sh', ...workloadCommand(dir, SEED, STEPS)]);
  }

  it.each([24])('of files of %i KiB ends the process, which keeps what it called done', async (kibibytes) => {
    const folder = await makeTemporaryFolder();
    const dir = join(folder, 'data');
    const { promised, code, stderr } = await runLimited(dir, kibibytes);
    expect(code).toBe(1);
    expect(stderr).toMatch(/writing (the log|the state|.*mark) failed: .*File too large/);
    expect(promised.open).toBe(true);
    await checkImage(dir, promised, expectationOf(SEED, STEPS));
    await rm(folder, { recursive: true });
  });

  it('is not taken for a damaged one when a store is opened', async () => {
    const folder = await makeTemporaryFolder();
    const dir = join(folder, 'data');
    const { promised } = await runWorkload(workloadCommand(dir, SEED, STEPS), 60);
    // What it left in its write-ahead files has to become a table, and a second copy of the mark may be missing.
    const { code, stderr } = await runLimited(dir, 8);
    expect(code).toBe(1);
    expect(stderr).toMatch(/The (log|state|mark) of this node cannot be used now: .*File too large/);
    expect((await readdir(dir)).filter((name) => name.endsWith('.damaged'))).toEqual([]);
    await checkImage(dir, promised, expectationOf(SEED, STEPS));
    await rm(folder, { recursive: true });
  });
});
