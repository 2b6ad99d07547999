import type { DataKeys } from './data-keys.ts';
import type { SealedPart } from './row-seal.ts';

/** Seals anew what of a part an older generation sealed, durably. @param before the generation that counts */
export type Reseal = (before: number) => Promise<void>;

export interface DiskKeysPorts {
  readonly keys: DataKeys;
  /** Whether nothing lies aside that may still be needed as it is. */
  readonly mayRetire: () => boolean;
  readonly wallMs: () => number;
  readonly logger: { info(fields: object, message: string): void };
  readonly onFatal: (error: Error) => void;
}

export interface DiskKeysStatus {
  readonly generation: number;
  readonly ageMs: number;
  /** Rows that it has sealed, at most. */
  readonly sealedRows: number;
  /** Older ones whose rows are being sealed anew. */
  readonly retiring: readonly number[];
  /** The part that is being sealed anew right now. */
  readonly resealing: SealedPart | null;
  /** Name of the wrapping key. */
  readonly wrappedBy: string;
}

/** All of them: only once each was sealed anew is an older generation destroyed. */
const PARTS: readonly SealedPart[] = ['mark', 'files', 'log', 'state', 'blobs'];

/**
 * Replaces the data keys of a directory while it is in use: what is written is sealed under a new generation at once,
 * what is there is sealed anew in the background, and then the old generation is destroyed: nothing that was deleted
 * before can be read any more, whatever of it lingers on the disk. Begins again after a restart where it was cut short.
 */
export class DiskKeys {
  readonly #ports: DiskKeysPorts;
  readonly #reseals = new Map<SealedPart, Reseal>();
  #running: Promise<void> | null = null;
  #resealing: SealedPart | null = null;
  #stopped = false;

  constructor(ports: DiskKeysPorts) {
    this.#ports = ports;
    ports.keys.onUsedUp = () => void this.rotate().catch(ports.onFatal);
  }

  get status(): DiskKeysStatus {
    const { keys, wallMs } = this.#ports;
    const newest = keys.generations.at(-1)!;
    return {
      generation: newest.number,
      ageMs: Math.max(0, wallMs() - newest.madeAtMs),
      sealedRows: keys.sealedRows,
      retiring: keys.generations.slice(0, -1).map(({ number }) => number),
      resealing: this.#resealing,
      wrappedBy: keys.wrappedBy,
    };
  }

  /** Who keeps a part says how it is sealed anew. Once all have, what a restart cut short goes on. */
  attach(part: SealedPart, reseal: Reseal): void {
    this.#reseals.set(part, reseal);
    this.#begin();
  }

  /** Resolves once the new generation seals what is written. */
  async rotate(): Promise<void> {
    await this.#ports.keys.rotate();
    this.#begin();
  }

  #begin(): void {
    const isDue = this.#ports.keys.generations.length > 1 && PARTS.every((part) => this.#reseals.has(part));
    if (!isDue || this.#running !== null || this.#stopped) return;
    this.#running = this.#run()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#ports.onFatal(error as Error);
      })
      .finally(() => {
        this.#running = null;
        this.#resealing = null;
      });
  }

  async #run(): Promise<void> {
    const { keys, mayRetire, logger } = this.#ports;
    // Another rotation meanwhile has it begin again.
    for (let generation = 0; generation !== keys.current && !this.#stopped;) {
      generation = keys.current;
      for (const part of PARTS) {
        this.#resealing = part;
        await this.#reseals.get(part)!(generation);
        if (this.#stopped) return;
      }
      if (generation !== keys.current || !mayRetire()) continue;
      await keys.retireBefore(generation);
      logger.info(
        { generation },
        'everything is sealed under this generation of the data keys; older ones are destroyed',
      );
    }
  }

  /** What runs ends with the next step, or with the part that is closed under it. */
  stop(): void {
    this.#stopped = true;
  }
}
