import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { PROBE_INTERVAL_MS, type ProbeSample } from './probe-sample.ts';

const SAMPLE_MS = 30;
const KIB_PER_MIB = 1024;
const BYTES_PER_MIB = 1024 * 1024;

/** In MiB; `grewBy` is the peak less what was there before. */
export interface Growth {
  readonly before: number;
  readonly peak: number;
  readonly grewBy: number;
}

export interface ProcessReport {
  /** All resident pages: the sum of the next two. */
  readonly resident: Growth;
  /** Memory of its own. */
  readonly anonymous: Growth;
  /** Pages of files it has mapped, LevelDB's tables above all: the kernel takes them back when memory is short. */
  readonly fileBacked: Growth;
  readonly heap: Growth;
  /** Buffers above all. */
  readonly external: Growth;
  /** Milliseconds that the event loop would have kept somebody waiting who came at any time. */
  readonly eventLoopLateMs: Distribution;
  /** The same without the time that the thread was ready to run and other processes had the processors. */
  readonly eventLoopHeldMs: Distribution;
  readonly cpuSeconds: number;
}

const FIELDS = { resident: 'VmRSS', anonymous: 'RssAnon', fileBacked: 'RssFile' } as const;
type Field = keyof typeof FIELDS;

/** Watches the memory of a process that runs `process-probe.ts`, from now on. Linux only. */
export class ProcessWatch {
  readonly #pid: number;
  readonly #probeFile: string;
  readonly #startedAtMs = Date.now();
  readonly #cpuBefore: number;
  readonly #before: Readonly<Record<Field, number>>;
  readonly #peak: Record<Field, number>;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, probeDir: string) {
    this.#pid = pid;
    this.#probeFile = join(probeDir, String(pid));
    this.#before = memoryMiB(pid);
    this.#peak = { ...this.#before };
    this.#cpuBefore = cpuSeconds(pid);
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  #sample(): void {
    const now = memoryMiB(this.#pid);
    for (const field of Object.keys(FIELDS) as Field[]) this.#peak[field] = Math.max(this.#peak[field], now[field]);
  }

  end(): ProcessReport {
    clearInterval(this.#timer);
    this.#sample();
    const samples = readFileSync(this.#probeFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ProbeSample);
    const before = samples.findLast(({ atMs }) => atMs <= this.#startedAtMs);
    const during = samples.filter(({ atMs }) => atMs > this.#startedAtMs);
    const turns = during.flatMap((sample) => sample.turns);
    return {
      resident: growth(this.#before.resident, this.#peak.resident),
      anonymous: growth(this.#before.anonymous, this.#peak.anonymous),
      fileBacked: growth(this.#before.fileBacked, this.#peak.fileBacked),
      heap: growthOf(before, during, 'heapBytes'),
      external: growthOf(before, during, 'externalBytes'),
      eventLoopLateMs: waits(turns.map(([lateMs]) => lateMs)),
      eventLoopHeldMs: waits(turns.map(([lateMs, waitedMs]) => lateMs - waitedMs)),
      cpuSeconds: round(cpuSeconds(this.#pid) - this.#cpuBefore),
    };
  }
}

/** Who had come while the loop was held up would have waited, too: once for every time the probe wanted a turn. */
function waits(lateMs: readonly number[]): Distribution {
  const all: number[] = [];
  for (const late of lateMs) {
    all.push(round(late));
    for (let rest = late - PROBE_INTERVAL_MS; rest > 0; rest -= PROBE_INTERVAL_MS) all.push(round(rest));
  }
  return distributionOf(all);
}

function growthOf(
  before: ProbeSample | undefined,
  during: readonly ProbeSample[],
  field: 'heapBytes' | 'externalBytes',
): Growth {
  const start = (before?.[field] ?? 0) / BYTES_PER_MIB;
  return growth(
    start,
    during.reduce((peak, sample) => Math.max(peak, sample[field] / BYTES_PER_MIB), start),
  );
}

/** User and system time of a process so far; the fields are those of `proc(5)`, in hundredths of a second. */
export function cpuSeconds(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(afterName[11]) + Number(afterName[12])) / 100;
}

function memoryMiB(pid: number): Record<Field, number> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN) / KIB_PER_MIB;
  return { resident: of(FIELDS.resident), anonymous: of(FIELDS.anonymous), fileBacked: of(FIELDS.fileBacked) };
}

const growth = (before: number, peak: number): Growth => ({
  before: round(before),
  peak: round(peak),
  grewBy: round(peak - before),
});

const round = (value: number): number => Math.round(value * 10) / 10;
