import { ParleyError } from '../../protocol/errors.ts';

/** Everything this origin keeps, in one database; see `IndexedStore` and `IndexedSpool` for what is in it. */
export interface Database {
  readonly db: IDBDatabase;
  /** Seals every value. It can be used by pages of this origin, and never be read out by them. */
  readonly key: CryptoKey;
}

const NAME = 'parley';
const VERSION = 1;
export const ROWS = 'rows';
export const PIECES = 'pieces';
export const SPOOLED = 'spooled';
const KEYS = 'keys';
const SEALING_KEY = 'sealing';

/** @throws ParleyError `home_damaged` where the browser keeps nothing, as some do in private windows */
export async function openDatabase(name = NAME): Promise<Database> {
  try {
    const opening = indexedDB.open(name, VERSION);
    opening.addEventListener('upgradeneeded', () => {
      for (const store of [ROWS, PIECES, SPOOLED, KEYS]) opening.result.createObjectStore(store);
    });
    const db = await done(opening);
    // A newer page of this app wants to change the database: it is not kept waiting.
    db.addEventListener('versionchange', () => db.close());
    return { db, key: await sealingKey(db) };
  } catch (cause) {
    throw new ParleyError('home_damaged', 'This browser does not let Parley keep its keys.', { cause });
  }
}

/** Keys, messages, what waits to be sent: all that this origin keeps, and what the app remembers of itself. */
export async function forgetEverything(name = NAME): Promise<void> {
  localStorage.clear();
  // Pages that have it open close it when they hear that it is to go.
  const deletion = indexedDB.deleteDatabase(name);
  await new Promise<void>((resolve, reject) => {
    deletion.addEventListener('success', () => resolve());
    deletion.addEventListener('error', () => reject(deletion.error ?? new Error('IndexedDB failed.')));
  });
}

/** Two pages that open at the same time keep the same one: whoever is second finds the first one's. */
async function sealingKey(db: IDBDatabase): Promise<CryptoKey> {
  const fresh = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const tx = db.transaction(KEYS, 'readwrite', { durability: 'strict' });
  const store = tx.objectStore(KEYS);
  const known = await done<CryptoKey | undefined>(store.get(SEALING_KEY) as IDBRequest<CryptoKey | undefined>);
  if (known !== undefined) return known;
  store.put(fresh, SEALING_KEY);
  await committed(tx);
  return fresh;
}

/** The result of one request. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB failed.')));
    if (request instanceof IDBOpenDBRequest) {
      request.addEventListener('blocked', () => reject(new Error('Another page holds an older database.')));
    }
  });
}

/** What was written is on the disk when this resolves, where the transaction asked for that. */
export function committed(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.addEventListener('complete', () => resolve());
    tx.addEventListener('abort', () => reject(tx.error ?? new Error('IndexedDB gave up a transaction.')));
  });
}
