import { chmod, mkdir, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Level } from 'level';
import { ParleyError } from '../../protocol/errors.ts';
import { openRow, sealRow } from './sealed-row.ts';
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
const OWNER_ONLY = 0o700;

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

  /** @throws ParleyError `data_in_use` when another program keeps the store for itself, `home_damaged` */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const changes = new Changes(await this.#database(), this.#folder);
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
  readonly #folder: string;
  readonly #changes = new Map<string, Uint8Array | null>();

  constructor(db: Database, folder: string) {
    this.#db = db;
    this.#folder = folder;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed ?? undefined;
    return this.#sound(async () => {
      const row: Uint8Array | undefined = await this.#db.get(key);
      return row === undefined ? undefined : openRow(key, row);
    });
  }

  async list(prefix: string): Promise<readonly (readonly [string, Uint8Array])[]> {
    const stored = await this.#sound(async () => {
      const rows = await this.#db.iterator({ gte: prefix, lt: `${prefix}\uFFFF` }).all();
      return rows.map(([key, row]): [string, Uint8Array] => [key, openRow(key, row)]);
    });
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
      value === null ? ({ type: 'del', key } as const) : ({ type: 'put', key, value: sealRow(key, value) } as const),
    );
    await this.#sound(() => this.#db.batch(batch, { sync: true }));
  }

  /** @throws ParleyError `home_damaged` instead of LevelDB's own errors */
  async #sound<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw damaged(this.#folder, 'cannot be used', cause);
    }
  }
}

async function openWhenFree(folder: string): Promise<Database> {
  await makeFolder(folder);
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const createIfMissing = await isEmpty(folder);
    // It begins to open by itself, with these options.
    const db: Database = new Level(folder, { keyEncoding: 'utf8', valueEncoding: 'view', createIfMissing });
    try {
      await db.open();
      return db;
    } catch (cause) {
      if (!isLocked(cause)) throw damaged(folder, 'cannot be opened', cause);
      if (performance.now() > deadline) {
        throw new ParleyError('data_in_use', `Another program keeps ${folder} for itself.`, { cause });
      }
      await sleep(RETRY_MS * (0.5 + Math.random()));
    }
  }
}

/** What is made is for its owner only, whatever the umask; a home that was there keeps its mode, the store does not. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
    await chmod(folder, OWNER_ONLY);
  } catch (cause) {
    throw new ParleyError('usage', `The home ${folder} cannot be made: ${reasonOf(cause)}.`, { cause });
  }
}

/**
 * Whether nothing was ever kept here. LevelDB takes a folder that lacks its first file for a new one, and removes
 * everything else in it, keys included.
 */
async function isEmpty(folder: string): Promise<boolean> {
  return !(await readdir(folder)).some((name) => /\.(ldb|log)$/.test(name));
}

function damaged(folder: string, what: string, cause: unknown): ParleyError {
  return new ParleyError('home_damaged', `The store in ${folder} ${what}: ${reasonOf(cause)}`, { cause });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'LEVEL_LOCKED';
}
