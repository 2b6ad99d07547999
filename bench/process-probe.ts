/**
 * Loaded into nodes by the bench (`--import`): writes what only a process itself can tell, once per sample, as lines of
 * JSON into a file named by its pid.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBE_DIR_VARIABLE, PROBE_INTERVAL_MS, type ProbeSample } from './probe-sample.ts';

const TURNS_PER_SAMPLE = 20;
/** Timers fire on whole milliseconds. */
const TIMER_GRAIN_MS = 1;
const NANOSECONDS_PER_MS = 1e6;
/** Of the main thread: nanoseconds on a processor and waiting for one, number of time slices. See `proc(5)`. */
const SCHEDULE_FILE = '/proc/self/schedstat';

function watch(dir: string): void {
  const file = join(dir, String(process.pid));
  let turns: [lateMs: number, waitedMs: number][] = [];
  let waitedMs = waitedForProcessorMs();
  let dueAtMs = performance.now() + PROBE_INTERVAL_MS;
  const turn = (): void => {
    const lateMs = Math.max(0, performance.now() - dueAtMs - TIMER_GRAIN_MS);
    const beforeMs = waitedMs;
    waitedMs = waitedForProcessorMs();
    turns.push([lateMs, Math.min(lateMs, waitedMs - beforeMs)]);
    if (turns.length >= TURNS_PER_SAMPLE) {
      const { heapUsed, external } = process.memoryUsage();
      const sample: ProbeSample = { atMs: Date.now(), heapBytes: heapUsed, externalBytes: external, turns };
      appendFileSync(file, `${JSON.stringify(sample)}\n`);
      turns = [];
    }
    dueAtMs = performance.now() + PROBE_INTERVAL_MS;
    setTimeout(turn, PROBE_INTERVAL_MS).unref();
  };
  setTimeout(turn, PROBE_INTERVAL_MS).unref();
}

function waitedForProcessorMs(): number {
  return Number(readFileSync(SCHEDULE_FILE, 'latin1').split(' ')[1]) / NANOSECONDS_PER_MS;
}

const dir = process.env[PROBE_DIR_VARIABLE];
if (dir !== undefined) watch(dir);
