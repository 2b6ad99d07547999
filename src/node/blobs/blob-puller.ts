import type { BlobId, NodeName } from '../../protocol/ids.ts';
import type { BlobExchange } from './blob-exchange.ts';
import type { BlobList } from './blob-files.ts';
import type { BlobShelf } from './blob-shelf.ts';
import type { BlobRoom, HeldBlob } from './held-blob.ts';

/** Chunks of one blob that are asked for at the same time: 2 MiB. */
const ASKED_AT_ONCE_MAX = 8;

/** Where chunks may be had: how many of the first ones each of these nodes has. */
export type Sources = ReadonlyMap<NodeName, number>;

export const EVERYTHING = Number.MAX_SAFE_INTEGER;

interface PullerPorts {
  readonly shelf: BlobShelf;
  readonly exchange: BlobExchange;
  readonly room: BlobRoom;
}

/** Gets from other nodes what is missing or damaged here. */
export class BlobPuller {
  readonly #shelf: BlobShelf;
  readonly #exchange: BlobExchange;
  readonly #room: BlobRoom;

  constructor({ shelf, exchange, room }: PullerPorts) {
    this.#shelf = shelf;
    this.#exchange = exchange;
    this.#room = room;
  }

  /**
   * Gets what the sources have of it, unless the disk has no room for all that is missing.
   * @returns whether the whole is here now, durably
   */
  async pull(blob: BlobId, sources: Sources): Promise<boolean> {
    const [list, missingBytes] = await this.#shelf.use(blob, async (held) => {
      const known = held?.list ?? (await this.list(blob, [...sources.keys()]));
      return [known, held?.missingBytes ?? known?.sizeBytes ?? 0];
    });
    if (list === null || (missingBytes > 0 && !this.#room.has(missingBytes))) return false;
    return this.#shelf.useNew(blob, list, async (held) => {
      const limit = Math.min(held.count, Math.max(0, ...sources.values()));
      const wanted = indexesOf(held.missing(), limit);
      await this.#each(wanted, async (index) => {
        const bytes = await this.chunk(blob, list, index, nodesWith(sources, index));
        if (bytes !== null) await held.put(index, bytes, this.#room);
        return bytes !== null;
      });
      return held.isWhole;
    });
  }

  /**
   * Reads all of a blob that should be whole, and gets the chunks that are damaged.
   * @returns how many were mended, and whether all are sound now
   */
  async mend(blob: BlobId, sources: Sources): Promise<{ readonly mended: number; readonly sound: boolean }> {
    let mended = 0;
    const sound = await this.#shelf.use(blob, async (held) => {
      if (held?.isWhole !== true) return this.pull(blob, sources);
      for (let index = 0; index < held.count; index++) {
        if ((await held.read(index)) !== undefined) continue;
        const bytes = await this.chunk(blob, held.list, index, nodesWith(sources, index));
        if (bytes === null) return false;
        await held.mend(index, bytes);
        mended += 1;
      }
      return true;
    });
    return { mended, sound };
  }

  async list(blob: BlobId, nodes: readonly NodeName[]): Promise<BlobList | null> {
    for (const node of nodes) {
      const list = await this.#exchange.list(node, blob);
      if (list !== null) return list;
    }
    return null;
  }

  async chunk(blob: BlobId, list: BlobList, index: number, nodes: readonly NodeName[]): Promise<Uint8Array | null> {
    for (const node of nodes) {
      const bytes = await this.#exchange.chunk(node, blob, list, index);
      if (bytes !== null) return bytes;
    }
    return null;
  }

  /** Several at a time, in order, until one fails. */
  async #each(indexes: Iterator<number>, work: (index: number) => Promise<boolean>): Promise<void> {
    let failed = false;
    const lane = async (): Promise<void> => {
      for (let next = indexes.next(); next.done !== true && !failed; next = indexes.next()) {
        if (!(await work(next.value).catch(rethrowing(() => (failed = true))))) failed = true;
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE_MAX }, lane));
  }
}

function* indexesOf(ranges: ReturnType<HeldBlob['missing']>, limit: number): Generator<number, undefined> {
  for (const [first, last] of ranges) for (let i = first; i <= last && i < limit; i++) yield i;
}

function nodesWith(sources: Sources, index: number): NodeName[] {
  return [...sources].flatMap(([node, chunks]) => (index < chunks ? [node] : []));
}

function rethrowing(also: () => void): (error: unknown) => never {
  return (error) => {
    also();
    throw error;
  };
}
