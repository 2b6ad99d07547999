import { spawn, spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { LogIndex } from '../../consensus/types.ts';
import { CRASHES, CrashDisk, type Crash } from '../../testing/store/crash-disk.ts';
import {
  EMPTY_MODEL,
  afterStep,
  crashSteps,
  randomFrom,
  rowOf,
  type CrashStep,
  type LogModel,
} from '../../testing/store/crash-steps.ts';
import { traceFiles, type FileOperation } from '../../testing/store/file-trace.ts';
import { makeTemporaryFolder, optionsFor } from '../../testing/store/temporary-store.ts';
import type { IntactStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

const SEED = 7;
/** `PARLEY_CRASH_IMAGES=all` opens every image of every crash; normally a sample of them. */
const ALL = process.env['PARLEY_CRASH_IMAGES'] === 'all';
const IMAGES = 400;
const STEPS = 120;
const KILLS = 12;

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const workload = (dir: string, seed: number, steps: number): string[] => [
  process.execPath,
  '--import',
  pathOf('../../testing/typescript-loader.mjs'),
  pathOf('../../testing/store/crash-workload.ts'),
  dir,
  String(seed),
  String(steps),
];

/** What a workload had promised when it ended. */
interface Promised {
  open: boolean;
  /** Steps that were handed to the store. */
  begun: number;
  /** Steps that were called done. */
  done: number;
}

const nothing = (): Promised => ({ open: false, begun: 0, done: 0 });

function hear(promised: Promised, text: string): void {
  for (const line of text.split('\n')) {
    const [word, number] = line.split(' ');
    if (word === 'open') promised.open = true;
    if (word === 'begin') promised.begun = Number(number);
    if (word === 'done') promised.done = Number(number);
  }
}

interface Expectation {
  readonly steps: readonly CrashStep[];
  /** `models[n]`: after `n` steps. */
  readonly models: readonly LogModel[];
}

function expectationOf(seed: number, count: number): Expectation {
  const steps = [...crashSteps(seed, count)];
  const models = [EMPTY_MODEL];
  for (const step of steps) models.push(afterStep(models.at(-1)!, step));
  return { steps, models };
}

/** Opens what a crash left behind and compares it with everything that may be left. */
async function checkImage(dir: string, promised: Promised, expectation: Expectation): Promise<void> {
  const store = await openNodeStore(optionsFor(dir));
  try {
    if (store.kind === 'damaged') throw new Error(`damaged: ${store.damage.reason}`);
    if (!promised.open) return;
    expect(store.manifest).toBeDefined();
    checkLog(store, promised, expectation);
    await checkState(store, expectation.models[promised.begun]!);
  } finally {
    await store.close();
  }
}

/** The log is as it was after one of the steps from the last one that was done to the last one that was begun. */
function checkLog({ log }: IntactStore, { done, begun }: Promised, { models }: Expectation): void {
  const found = textOfLog(log);
  const possible = models.slice(done, begun + 1).map((model) => textOfModel(model, log.firstIndex()));
  if (!possible.includes(found)) expect(found).toBe(possible[0]);
}

function textOfLog(log: IntactStore['log']): string {
  const { hardState } = log.initialState();
  const first = log.firstIndex();
  const entries = log.entries(first, (log.lastIndex() + 1) as LogIndex, Number.MAX_SAFE_INTEGER);
  if (typeof entries === 'string') throw new Error(entries);
  const texts = entries.map(
    ({ index, term, data }) => `${index} ${term} ${Buffer.from(data).toString('latin1', 0, 20)}`,
  );
  return [`term ${hardState.term} vote ${hardState.vote}`, ...texts].join('\n');
}

function textOfModel({ term, vote, entries }: LogModel, first: LogIndex): string {
  const texts = entries
    .slice(first - 1)
    .map((entry) => `${entry.index} ${entry.term} ${Buffer.from(entry.data).toString('latin1', 0, 20)}`);
  return [`term ${term} vote ${vote}`, ...texts].join('\n');
}

async function checkState({ state, log }: IntactStore, model: LogModel): Promise<void> {
  expect(state.appliedIndex).toBeGreaterThanOrEqual(log.firstIndex() - 1);
  const rows = new Map(model.entries.slice(0, state.appliedIndex).map(rowOf));
  const found = await state.range({ gte: 'row/', lt: 'row0', limit: 1000 });
  const texts = found.map(([key, value]) => [key, Buffer.from(value).toString()] as const);
  expect(new Map(texts)).toEqual(rows);
}

const hasStrace = spawnSync('strace', ['-V']).status === 0;

describe.skipIf(!hasStrace)('every crash point of a traced run', () => {
  async function traced(): Promise<{ dir: string; operations: FileOperation[] }> {
    const folder = await makeTemporaryFolder();
    const dir = join(folder, 'data');
    const operations = await traceFiles(workload(dir, SEED, STEPS), { dir, traceFile: join(folder, 'trace') });
    await rm(folder, { recursive: true });
    return { dir, operations };
  }

  it('leaves what was called done, and nothing that never was', async () => {
    const { dir, operations } = await traced();
    const expectation = expectationOf(SEED, STEPS);
    const random = randomFrom(SEED);
    const points = operations.length * CRASHES.length;
    const disk = new CrashDisk(dir);
    const promised = nothing();
    let images = 0;
    for (const [at, operation] of operations.entries()) {
      disk.apply(operation);
      if (operation.kind === 'said') hear(promised, operation.text);
      for (const crash of CRASHES) {
        if (!ALL && random(points) >= IMAGES) continue;
        images += 1;
        await checkOne(disk, { crash, at, random, promised: { ...promised }, expectation });
      }
    }
    expect(promised.done).toBeGreaterThan(0);
    expect(images).toBeGreaterThan(IMAGES / 2);
  }, 3_600_000);

  async function checkOne(
    disk: CrashDisk,
    {
      crash,
      at,
      random,
      promised,
      expectation,
    }: {
      crash: Crash;
      at: number;
      random: (bound: number) => number;
      promised: Promised;
      expectation: Expectation;
    },
  ): Promise<void> {
    const image = await makeTemporaryFolder();
    await disk.writeImage(image, crash, random);
    try {
      await checkImage(image, promised, expectation);
    } catch (error) {
      const what = `${crash} after operation ${at}, ${JSON.stringify(promised)}, in ${image}`;
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await rm(image, { recursive: true });
  }
});

describe('kill -9', () => {
  it(`${KILLS} times, at any moment`, async () => {
    const random = randomFrom(SEED);
    for (let round = 0; round < KILLS; round += 1) {
      const folder = await makeTemporaryFolder();
      const dir = join(folder, 'data');
      const promised = await killAfterSteps(dir, SEED + round, 1 + random(STEPS));
      await checkImage(dir, promised, expectationOf(SEED + round, STEPS));
      await rm(folder, { recursive: true });
    }
  });

  /** Kills the workload when it says that it begins a step, which is a random moment of the writes under way. */
  function killAfterSteps(dir: string, seed: number, steps: number): Promise<Promised> {
    return new Promise((resolve, reject) => {
      const [program, ...args] = workload(dir, seed, STEPS);
      const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const promised = nothing();
      let rest = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const whole = rest + text;
        const end = whole.lastIndexOf('\n') + 1;
        rest = whole.slice(end);
        hear(promised, whole.slice(0, end));
        if (promised.begun >= steps) child.kill('SIGKILL');
      });
      child.on('error', reject);
      child.on('close', () => resolve(promised));
    });
  }
});
