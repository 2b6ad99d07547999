import type { CliOptions } from './cli-options.ts';
import { loadEngine } from './load-engine.ts';
import { runSeed } from './seed-result.ts';

/** One of several processes that run seeds: seeds come in by message, results go out. */
const options = JSON.parse(process.argv[2]!) as CliOptions;
const engine = await loadEngine(options.mutant);
let running: unknown;
process.on('uncaughtExceptionMonitor', () => {
  process.stderr.write(`sim: seed ${String(running)} ends its process\n`);
});
process.on('message', (seed) => {
  running = seed;
  void runSeed(engine, options, seed as number).then((result) => process.send!(result));
});
