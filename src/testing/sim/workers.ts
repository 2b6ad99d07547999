import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CliOptions } from './cli-options.ts';
import type { SeedResult } from './seed-result.ts';

const LOADER = new URL('../typescript-loader.mjs', import.meta.url).href;
/** Nearly all that a world makes is garbage soon: room for it, in MiB, saves a tenth of the time. */
const GARBAGE_MIB = 64;
const NODE_FLAGS = [`--max-semi-space-size=${GARBAGE_MIB}`, '--import', LOADER];
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Runs the seeds in `options.jobs` processes; the results come in any order. */
export async function runInProcesses(options: CliOptions, onResult: (result: SeedResult) => void): Promise<void> {
  let next = options.seed;
  const end = options.seed + options.seeds;
  await Promise.all(
    Array.from({ length: options.jobs }, () =>
      converse(options, {
        nextSeed: () => (next < end ? next++ : undefined),
        onResult,
      }),
    ),
  );
}

interface Side {
  readonly nextSeed: () => number | undefined;
  readonly onResult: (result: SeedResult) => void;
}

/** Gives one worker seed after seed, until there are none left. */
function converse(options: CliOptions, { nextSeed, onResult }: Side): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker: ChildProcess = fork(WORKER, [JSON.stringify(options)], { execArgv: NODE_FLAGS });
    const give = (): void => {
      const seed = nextSeed();
      if (seed === undefined) worker.disconnect();
      else worker.send(seed);
    };
    worker.on('message', (result) => {
      onResult(result as SeedResult);
      give();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`A process of the simulator ended with code ${code}.`));
    });
    give();
  });
}
