import { ParleyError } from '../../protocol/errors.ts';
import { committed, done, PIECES, SPOOLED } from './database.ts';
import type { Spool, SpoolWriter } from '../../client/platform.ts';
import type { Database } from './database.ts';

/** Of one file: where its pieces are, so that a part of it is found without reading the rest. Empty until it is finished. */
interface Spooled {
  readonly writtenAtMs: number;
  readonly sizeBytes: number;
  /** Where each piece begins, ascending. */
  readonly begins: readonly number[];
}

type Piece = Uint8Array<ArrayBuffer>;

/** Files that wait to be sent, as ciphertext, piece by piece as they were written. */
export class IndexedSpool implements Spool {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(name: string): Promise<SpoolWriter> {
    const begins: number[] = [];
    let sizeBytes = 0;
    await this.#note(name, { writtenAtMs: Date.now(), sizeBytes, begins });
    return {
      write: async (bytes) => {
        const tx = this.#writing();
        tx.objectStore(PIECES).put(Uint8Array.from(bytes), [name, sizeBytes]);
        begins.push(sizeBytes);
        sizeBytes += bytes.length;
        await committed(tx);
      },
      finish: () => this.#note(name, { writtenAtMs: Date.now(), sizeBytes, begins }),
      abort: () => this.remove(name),
    };
  }

  async read(name: string, fromByte: number, bytes: number): Promise<Uint8Array> {
    const tx = this.#database.db.transaction([PIECES, SPOOLED], 'readonly');
    const file = await done(tx.objectStore(SPOOLED).get(name) as IDBRequest<Spooled | undefined>);
    const end = fromByte + bytes;
    if (file === undefined || end > file.sizeBytes) throw unreadable();
    const first = file.begins.findLast((begin) => begin <= fromByte) ?? 0;
    const pieces = tx.objectStore(PIECES).getAll(IDBKeyRange.bound([name, first], [name, end], false, true));
    const result = new Uint8Array(bytes);
    let at = first;
    for (const piece of await done(pieces as IDBRequest<Piece[]>)) {
      const part = piece.subarray(Math.max(0, fromByte - at), Math.max(0, end - at));
      result.set(part, Math.max(0, at - fromByte));
      at += piece.length;
    }
    if (at < end) throw unreadable();
    return result;
  }

  async remove(name: string): Promise<void> {
    const tx = this.#writing();
    tx.objectStore(PIECES).delete(IDBKeyRange.bound([name, 0], [name, Number.MAX_SAFE_INTEGER]));
    tx.objectStore(SPOOLED).delete(name);
    await committed(tx);
  }

  /** Also what was begun and never finished. */
  async list(): Promise<readonly { readonly name: string; readonly ageMs: number }[]> {
    const store = this.#database.db.transaction(SPOOLED, 'readonly').objectStore(SPOOLED);
    const [names, files] = await Promise.all([
      done(store.getAllKeys() as IDBRequest<string[]>),
      done(store.getAll() as IDBRequest<Spooled[]>),
    ]);
    return names.map((name, i) => ({ name, ageMs: Date.now() - files[i]!.writtenAtMs }));
  }

  async #note(name: string, file: Spooled): Promise<void> {
    const tx = this.#writing();
    tx.objectStore(SPOOLED).put(file, name);
    await committed(tx);
  }

  #writing(): IDBTransaction {
    return this.#database.db.transaction([PIECES, SPOOLED], 'readwrite', { durability: 'strict' });
  }
}

function unreadable(): ParleyError {
  return new ParleyError('file_unreadable', 'A file that waits to be sent is not all there.');
}
