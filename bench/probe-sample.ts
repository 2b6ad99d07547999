/** Where `process-probe.ts` writes to. */
export const PROBE_DIR_VARIABLE = 'PARLEY_BENCH_PROBE_DIR';

/** How often it asks the event loop for a turn. */
export const PROBE_INTERVAL_MS = 5;

export interface ProbeSample {
  /** Wall clock. */
  readonly atMs: number;
  readonly heapBytes: number;
  /** Buffers, and what else V8 counts but does not keep in its heap. */
  readonly externalBytes: number;
  /** How late each turn since the last sample came, and how much of that the thread was waiting for a processor. */
  readonly turns: readonly (readonly [lateMs: number, waitedMs: number])[];
}
