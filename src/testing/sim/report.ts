import { Coverage } from './coverage.ts';
import type { SeedResult } from './seed-result.ts';

/** From so many simulated seconds on, a run must have met every situation of `SOMETIMES`. */
export const FULL_COVERAGE_SECONDS = 3_000;
/** More results than that are not printed one by one. */
const LINES_MAX = 20;
const HOUR_S = 3_600;

/** Gathers what the seeds came to and says it. */
export class Report {
  readonly #seeds: number;
  readonly #print: (line: string) => void;
  readonly #startedAtMs = performance.now();
  readonly #coverage = new Coverage();
  #simulatedMs = 0;
  #cpuMs = 0;
  passed = 0;
  failed = 0;

  constructor(seeds: number, print: (line: string) => void) {
    this.#seeds = seeds;
    this.#print = print;
  }

  add(result: SeedResult): void {
    const { broken, stats, coverage, cpuMs } = result;
    if (broken === undefined) this.passed += 1;
    else this.failed += 1;
    this.#simulatedMs += stats.simulatedMs;
    this.#cpuMs += cpuMs;
    this.#coverage.add(coverage);
    if (broken === undefined && this.#seeds <= LINES_MAX) this.#print(`pass ${summary(result)}`);
  }

  /** Prints the table and the totals. Returns whether all is well. */
  finish(): boolean {
    this.#print(`\nSometimes (those marked * must come about in ${FULL_COVERAGE_SECONDS} simulated seconds):`);
    this.#print(this.#coverage.table());
    const simulatedS = this.#simulatedMs / 1_000;
    const wallS = (performance.now() - this.#startedAtMs) / 1_000;
    const speeds = `${(simulatedS / wallS).toFixed(0)} per second, ${((simulatedS / this.#cpuMs) * 1_000).toFixed(0)} per second of processor time`;
    this.#print(`\n${simulatedS.toFixed(0)} simulated seconds (${(simulatedS / HOUR_S).toFixed(2)} hours): ${speeds}`);
    const missing = simulatedS >= FULL_COVERAGE_SECONDS ? this.#coverage.missing : [];
    for (const what of missing) this.#print(`never: ${what}`);
    this.#print(`${this.passed} passed, ${this.failed + missing.length} failed`);
    return this.failed === 0 && missing.length === 0;
  }
}

export function summary({ seed, traceHash, stats }: SeedResult): string {
  const counts = Object.entries(stats).map(([name, value]) => `${name}=${value}`);
  return `seed ${seed} ${traceHash} ${counts.join(' ')}`;
}
