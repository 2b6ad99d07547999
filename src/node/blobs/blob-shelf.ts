import { join } from 'node:path';
import type { BlobId } from '../../protocol/ids.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { BlobFiles, sealedBytes } from './blob-files.ts';
import type { BlobList } from './blob-files.ts';
import { HeldBlob } from './held-blob.ts';

/** Lists of so many blobs that nobody uses are kept in memory; the longest unused one is read again when wanted. */
const KEPT_MAX = 256;
const FOLDER = 'blobs';

interface Place {
  readonly opened: Promise<HeldBlob | undefined>;
  users: number;
}

/** The blobs on this node's disk. What is known of one blob stands in one object, as long as anybody uses it. */
export class BlobShelf {
  readonly #files: BlobFiles;
  /** In the order of their last use. */
  readonly #places = new Map<BlobId, Place>();
  readonly #removals = new Map<BlobId, Promise<void>>();

  /** @param dataDir the node's data directory */
  constructor(dataDir: string, seal: RowSeal) {
    this.#files = new BlobFiles(join(dataDir, FOLDER), seal);
  }

  /**
   * Does something with what there is of a blob.
   * @param work is given undefined where there is nothing
   */
  async use<T>(blob: BlobId, work: (held: HeldBlob | undefined) => Promise<T>): Promise<T> {
    const place = this.#places.get(blob) ?? { opened: this.#open(blob, undefined), users: 0 };
    return this.#useIn(blob, place, work);
  }

  /** The same with a place for it, which is made where there is none yet. */
  async useNew<T>(blob: BlobId, list: BlobList, work: (held: HeldBlob) => Promise<T>): Promise<T> {
    for (let place = this.#places.get(blob); place !== undefined; place = this.#places.get(blob)) {
      const held = await place.opened.catch(() => undefined);
      if (held !== undefined && this.#places.get(blob) === place) return this.#useIn(blob, place, () => work(held));
      // Somebody found nothing here.
      if (this.#places.get(blob) === place) this.#places.delete(blob);
    }
    const place = { opened: this.#open(blob, list), users: 0 };
    return this.#useIn(blob, place, (held) => work(held!));
  }

  /** Cheaper than `use`: whether the whole seems to be there, by its length. */
  async seemsWhole(blob: BlobId, sizeBytes: number): Promise<boolean> {
    return (await this.#files.lengthOf(blob, 'data')) === sealedBytes(sizeBytes);
  }

  remove(blob: BlobId): Promise<void> {
    const held = this.#places.get(blob)?.opened.catch(() => undefined);
    this.#places.delete(blob);
    const removal = this.#remove(blob, held).finally(() => {
      if (this.#removals.get(blob) === removal) this.#removals.delete(blob);
    });
    this.#removals.set(blob, removal);
    return removal;
  }

  /** Seals the lists anew that a generation of the data keys before this one sealed. */
  async reseal(before: number): Promise<void> {
    for await (const blob of this.#files.all()) {
      if (await this.#files.isSealedBefore(blob, before)) await this.use(blob, async (held) => held?.reseal(before));
    }
  }

  all(): AsyncGenerator<BlobId> {
    return this.#files.all();
  }

  /** What is being removed comes back only once nothing of it is left. */
  async #open(blob: BlobId, list: BlobList | undefined): Promise<HeldBlob | undefined> {
    await this.#removals.get(blob);
    return HeldBlob.open(this.#files, blob, list);
  }

  async #remove(blob: BlobId, opened: Promise<HeldBlob | undefined> | undefined): Promise<void> {
    await this.#removals.get(blob);
    const held = await opened;
    await (held === undefined ? this.#files.remove(blob) : held.remove());
  }

  async #useIn<T>(blob: BlobId, place: Place, work: (held: HeldBlob | undefined) => Promise<T>): Promise<T> {
    this.#places.delete(blob);
    this.#places.set(blob, place);
    place.users += 1;
    try {
      const held = await place.opened;
      return await work(held);
    } finally {
      place.users -= 1;
      if (place.users === 0) await this.#leave(blob, place);
    }
  }

  async #leave(blob: BlobId, place: Place): Promise<void> {
    const held = await place.opened.catch(() => undefined);
    // Where nothing is, something may be put the next time.
    if (held === undefined && place.users === 0 && this.#places.get(blob) === place) this.#places.delete(blob);
    for (const [oldest, { users }] of this.#places) {
      if (this.#places.size <= KEPT_MAX) return;
      if (users === 0) this.#places.delete(oldest);
    }
  }
}
