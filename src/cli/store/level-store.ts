import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Level } from 'level';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClientStore, StoreTransaction } from '../../client/store.ts';

type Database = Level<string, Uint8Array>;

/** LevelDB has one user at a time: programs that share a store take turns. */
const RETRY_MS = 5;
const WAIT_MS_MAX = 10_000;
/** The store is given up when nobody here wanted it for so long, */
const IDLE_MS = 20;
/** and in between, when it was held for so long, so that others get their turn. */
const HELD_MS_MAX = 60;
const YIELD_MS = 15;

/**
 * A client's store in a folder of its own, readable by its owner only. Every transaction is on disk when it returns.
 * Several programs may use it at the same time.
 */
export class LevelStore implements ClientStore {
  readonly #folder: string;
  #last: Promise<unknown> = Promise.resolve();
  #open: { readonly db: Database; readonly sinceMs: number } | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws ParleyError `data_in_use` when another program keeps the store for itself */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const changes = new Changes(await this.#database());
      const result = await work(changes);
      await changes.commit();
      return result;
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#release());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    const mine = this.#last.then(work);
    const ended = mine.then(
      () => {},
      () => {},
    );
    this.#last = ended;
    void ended.then(() => this.#afterUse(ended));
    return mine;
  }

  #afterUse(turn: Promise<unknown>): void {
    if (this.#last !== turn || this.#open === null) return;
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
  }

  async #database(): Promise<Database> {
    if (this.#open !== null && performance.now() - this.#open.sinceMs > HELD_MS_MAX) {
      await this.#release();
      await sleep(YIELD_MS);
    }
    this.#open ??= { db: await openWhenFree(this.#folder), sinceMs: performance.now() };
    return this.#open.db;
  }

  async #release(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.db.close();
  }
}

/** Reads see the store; changes wait for the end. */
class Changes implements StoreTransaction {
  readonly #db: Database;
  readonly #changes = new Map<string, Uint8Array | null>();

  constructor(db: Database) {
    this.#db = db;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed ?? undefined;
    return this.#db.get(key);
  }

  async list(prefix: string): Promise<readonly (readonly [string, Uint8Array])[]> {
    const stored = await this.#db.iterator({ gte: prefix, lt: `${prefix}\uFFFF` }).all();
    const rows = new Map(stored);
    for (const [key, value] of this.#changes) {
      if (!key.startsWith(prefix)) continue;
      if (value === null) rows.delete(key);
      else rows.set(key, value);
    }
    return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  put(key: string, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  delete(key: string): void {
    this.#changes.set(key, null);
  }

  async commit(): Promise<void> {
    if (this.#changes.size === 0) return;
    const batch = [...this.#changes].map(([key, value]) =>
      value === null ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    await this.#db.batch(batch, { sync: true });
  }
}

async function openWhenFree(folder: string): Promise<Database> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const db: Database = new Level(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
    try {
      await db.open();
      return db;
    } catch (error) {
      if (!isLocked(error)) {
        throw new ParleyError('damaged', `The store in ${folder} cannot be opened: ${reasonOf(error)}.`, {
          cause: error,
        });
      }
      if (performance.now() > deadline) {
        throw new ParleyError('data_in_use', `Another program keeps ${folder} for itself.`, { cause: error });
      }
      await sleep(RETRY_MS * (0.5 + Math.random()));
    }
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'LEVEL_LOCKED';
}
