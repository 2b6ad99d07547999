/**
 * Loaded into nodes by the bench (`--import`): writes what only a process itself can tell, once per sample, as lines of
 * JSON into a file named by its pid.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBE_DIR_VARIABLE, PROBE_INTERVAL_MS, type ProbeSample } from './probe-sample.ts';

const TURNS_PER_SAMPLE = 20;
/** Timers fire on whole milliseconds. */
const TIMER_GRAIN_MS = 1;

function watch(dir: string): void {
  const file = join(dir, String(process.pid));
  let lateMs: number[] = [];
  let dueAtMs = performance.now() + PROBE_INTERVAL_MS;
  const turn = (): void => {
    const nowMs = performance.now();
    lateMs.push(Math.max(0, Math.round(10 * (nowMs - dueAtMs - TIMER_GRAIN_MS)) / 10));
    if (lateMs.length >= TURNS_PER_SAMPLE) {
      const { heapUsed, external } = process.memoryUsage();
      const sample: ProbeSample = { atMs: Date.now(), heapBytes: heapUsed, externalBytes: external, lateMs };
      appendFileSync(file, `${JSON.stringify(sample)}\n`);
      lateMs = [];
    }
    dueAtMs = performance.now() + PROBE_INTERVAL_MS;
    setTimeout(turn, PROBE_INTERVAL_MS).unref();
  };
  setTimeout(turn, PROBE_INTERVAL_MS).unref();
}

const dir = process.env[PROBE_DIR_VARIABLE];
if (dir !== undefined) watch(dir);
