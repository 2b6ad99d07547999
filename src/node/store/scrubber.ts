import { damageOf, damaged, messageOf } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { checkTables } from './level-check/check-database.ts';
import { readVersion } from './level-check/manifest-reader.ts';
import type { DamagedPart, StoreDamage, StoreLogger } from './node-store.ts';

/** Lets everything else go on; rejects when the store is closed. */
export type Pause = () => Promise<void>;

/** One of the two databases of a node. */
export interface ScrubbedPart {
  readonly part: DamagedPart;
  /** The folder's name, and where it is now: a snapshot may replace it. */
  readonly folder: () => { readonly where: string; readonly location: string };
  /** Reads every row and what binds it to the others. @throws ParleyError `damaged` */
  readonly verify: (pause: Pause) => Promise<unknown>;
}

export interface ScrubberOptions {
  readonly parts: readonly ScrubbedPart[];
  /** How long one pass over all files takes; 0 turns it off. */
  readonly intervalMs: number;
  readonly monotonicMs: () => number;
  readonly logger: StoreLogger;
  readonly fatal: FatalSwitch;
  /** Remembers what was found, so that the next start knows. */
  readonly condemn: (damage: StoreDamage) => void;
}

/** Reading rows takes at most this share of the time, so that it is never noticed. */
const DUTY = 0.05;
const PAUSE_MS_MIN = 5;

class Stopped extends Error {}

/**
 * Looks for rot before anybody needs what is rotten: reads every table of both databases from its file, block by block,
 * whatever LevelDB has in its caches, then every row and every link of the chain. A pass is spread over `intervalMs`.
 * Damage ends the process, and is repaired by the next start like any other.
 *
 * What the operating system keeps of a file in memory it does not read again from the disk.
 */
export class Scrubber {
  readonly #options: ScrubberOptions;
  #verifiedAtMs: number | null;
  #stopped = false;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  /** @param verified whether all of it was read when it was opened */
  constructor(options: ScrubberOptions, verified: boolean) {
    this.#options = options;
    this.#verifiedAtMs = verified ? options.monotonicMs() : null;
  }

  /** Milliseconds since all that is on disk was last found to be sound; null before that. */
  get verifiedAgoMs(): number | null {
    return this.#verifiedAtMs === null ? null : Math.round(this.#options.monotonicMs() - this.#verifiedAtMs);
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#running ??= this.#run();
  }

  /** Resolves once nothing is read any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        await this.#pass();
        this.#verifiedAtMs = this.#options.monotonicMs();
        this.#options.logger.info({}, 'every row and every table was read, and is sound');
      }
    } catch (error) {
      this.#ended(error);
    }
  }

  #ended(error: unknown): void {
    const { logger, fatal, condemn } = this.#options;
    const damage = damageOf(error);
    if (damage !== undefined && !fatal.tripped) {
      condemn(damage);
      fatal.trip(new Error(messageOf(error), { cause: error }));
    } else if (!(error instanceof Stopped) && !this.#stopped && !fatal.tripped) {
      logger.warn({ error }, 'the search for damaged files was given up until the next start');
    }
  }

  async #pass(): Promise<void> {
    const { parts, intervalMs } = this.#options;
    const shares = await Promise.all(parts.map(tablesOf));
    const total = shares.flat().reduce((sum, { bytes }) => sum + bytes, 0);
    for (const table of shares.flat()) {
      await this.#sleep((intervalMs * table.bytes) / total);
      await checkOne(table);
    }
    for (const { verify } of parts) await verify(this.#pacer());
    if (total === 0) await this.#sleep(intervalMs);
  }

  #pacer(): Pause {
    let beganAtMs = this.#options.monotonicMs();
    return async () => {
      const workedMs = this.#options.monotonicMs() - beganAtMs;
      await this.#sleep(Math.max(PAUSE_MS_MIN, workedMs * (1 / DUTY - 1)));
      beganAtMs = this.#options.monotonicMs();
    };
  }

  async #sleep(ms: number): Promise<void> {
    if (!this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(resolve, ms);
        this.#timer.unref();
      });
    }
    if (this.#stopped || this.#options.fatal.tripped) throw new Stopped();
  }
}

interface Table {
  readonly part: DamagedPart;
  readonly where: string;
  readonly location: string;
  readonly number: number;
  readonly bytes: number;
}

async function tablesOf({ part, folder }: ScrubbedPart): Promise<Table[]> {
  const { where, location } = folder();
  try {
    const { tables } = await readVersion(location);
    return [...tables].map(([number, bytes]) => ({ part, where, location, number, bytes }));
  } catch (error) {
    // It was replaced meanwhile.
    if (folder().location !== location) return [];
    throw damaged(part, where, messageOf(error), error);
  }
}

/** A table that is gone has become part of another one, or its database was replaced. */
async function checkOne({ part, where, location, number, bytes }: Table): Promise<void> {
  const problem = await checkTables(location, new Map([[number, bytes]]), { mayVanish: true });
  if (problem !== undefined) throw damaged(part, where, problem);
}
