import { BLOB_CHUNK_BYTES, blobChunkCount } from '../../protocol/blobs.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { BlobId } from '../../protocol/ids.ts';
import type { BlobFiles, BlobList, StoredList } from './blob-files.ts';
import { isChunk, sealedBytes } from './blob-files.ts';
import { systemCodeOf } from '../store/files.ts';

/** So many chunks are written between two syncs, so that the last one has little left to do. */
const CHUNKS_PER_SYNC = 32;

/** First and last of consecutive chunks. */
export type ChunkRange = readonly [first: number, last: number];

/** The room on the disk, as far as files may use it. */
export interface BlobRoom {
  /** Whether so much more could be written now. */
  has(bytes: number): boolean;
  /** Sets room aside for bytes that are about to be written. @returns whether there is any */
  take(bytes: number): boolean;
}

export const noRoom = (options: { readonly cause?: unknown } = {}): ParleyError =>
  new ParleyError('disk_low', 'The disk of this node has no room for this file: use another node.', options);

/** A blob that this node has, or is getting. */
export class HeldBlob {
  readonly blob: BlobId;
  readonly list: StoredList;
  readonly count: number;
  readonly #files: BlobFiles;
  /** 1 for each chunk that is in the file. */
  readonly #have: Uint8Array;
  #missing: number;
  #unsynced = 0;
  #whole: boolean;
  #removed = false;
  #finishing: Promise<void> | undefined;
  /** Calls to the file system that put bytes into its file. */
  readonly #writing = new Set<Promise<void>>();

  private constructor(files: BlobFiles, blob: BlobId, list: StoredList, have: Uint8Array, whole: boolean) {
    this.#files = files;
    this.blob = blob;
    this.list = list;
    this.count = have.length;
    this.#have = have;
    this.#missing = have.reduce((missing, one) => missing - one, have.length);
    this.#whole = whole;
  }

  /**
   * As it is on the disk. Whether a chunk is there is told by its bytes alone, so nothing that a crash leaves behind
   * is taken for more than it is; only of what was whole it is believed until it is read.
   *
   * @param list as its id confirms it; undefined: as it is on the disk
   * @returns undefined where there is no list
   */
  static async open(files: BlobFiles, blob: BlobId, given: BlobList | undefined): Promise<HeldBlob | undefined> {
    const stored = await files.readList(blob);
    if (stored === undefined && given === undefined) return undefined;
    // Without its list nobody can read what there is of it.
    if (stored === undefined) await files.remove(blob);
    const list = stored ?? (await files.writeList(blob, given!));
    const have = new Uint8Array(blobChunkCount(list.sizeBytes));
    const length = await files.lengthOf(blob, 'data');
    if (length === sealedBytes(list.sizeBytes)) return new HeldBlob(files, blob, list, have.fill(1), true);
    if (length !== undefined) await files.reopen(blob);
    if ((await files.lengthOf(blob, 'part')) !== undefined) {
      for (let i = 0; i < have.length; i++) {
        if ((await files.readChunk(blob, 'part', list, i)) !== undefined) have[i] = 1;
      }
    }
    const held = new HeldBlob(files, blob, list, have, false);
    if (held.#missing === 0) await held.#finish();
    return held;
  }

  /** All of it is on this disk, synced. */
  get isWhole(): boolean {
    return this.#whole;
  }

  get sizeBytes(): number {
    return this.list.sizeBytes;
  }

  has(index: number): boolean {
    return this.#have[index] === 1;
  }

  /** How many chunks are there before the first that is missing. */
  get prefix(): number {
    const gap = this.#have.indexOf(0);
    return gap === -1 ? this.count : gap;
  }

  /** The chunks that are missing, ascending. @param most how many ranges at the most */
  missing(most = Number.MAX_SAFE_INTEGER): ChunkRange[] {
    const ranges: ChunkRange[] = [];
    for (let first = this.#have.indexOf(0); first !== -1 && ranges.length < most;) {
      const end = this.#have.indexOf(1, first);
      ranges.push([first, (end === -1 ? this.count : end) - 1]);
      first = end === -1 ? -1 : this.#have.indexOf(0, end);
    }
    return ranges;
  }

  /** How much of it is not here, at the most. */
  get missingBytes(): number {
    return Math.min(this.sizeBytes, this.#missing * BLOB_CHUNK_BYTES);
  }

  /**
   * Takes a chunk; with the last one that was missing, the whole is durable when this returns.
   *
   * @throws ParleyError `blob_mismatch`, `no_such_blob` when it was removed meanwhile, `disk_low`
   */
  async put(index: number, bytes: Uint8Array, room: BlobRoom): Promise<void> {
    if (!isChunk(this.list, index, bytes)) throw new ParleyError('blob_mismatch');
    if (this.#removed) throw new ParleyError('no_such_blob');
    if (!this.has(index)) {
      if (!room.take(bytes.length)) throw noRoom();
      await this.#write(index, bytes);
      if (this.#removed) throw new ParleyError('no_such_blob');
      if (!this.has(index)) {
        this.#have[index] = 1;
        this.#missing -= 1;
        this.#unsynced += 1;
      }
      if (this.#missing > 0 && this.#unsynced >= CHUNKS_PER_SYNC) {
        this.#unsynced = 0;
        await this.#onDisk(() => this.#files.sync(this.blob, 'part'));
      }
    }
    if (this.#missing === 0) await this.#finish();
  }

  /** @returns undefined for a chunk that is not there, or is damaged */
  async read(index: number): Promise<Uint8Array | undefined> {
    if (!this.has(index)) return undefined;
    const wasWhole = this.#whole;
    const bytes = await this.#files.readChunk(this.blob, wasWhole ? 'data' : 'part', this.list, index);
    if (bytes !== undefined || wasWhole) return bytes;
    // It may have got its other name while it was looked for.
    await this.#finishing?.catch(() => undefined);
    return this.#whole ? this.#files.readChunk(this.blob, 'data', this.list, index) : undefined;
  }

  /** Puts a sound chunk in the place of a damaged one. */
  async mend(index: number, bytes: Uint8Array): Promise<void> {
    if (!this.#whole || !isChunk(this.list, index, bytes)) return;
    await this.#onDisk(() => this.#files.writeChunk(this.blob, 'data', this.list, index, bytes));
    await this.#onDisk(() => this.#files.sync(this.blob, 'data'));
  }

  /** Seals its list anew where a generation before this one sealed it. Chunks keep the key that stands in the list. */
  async reseal(before: number): Promise<void> {
    if (this.#removed || !(await this.#files.isSealedBefore(this.blob, before))) return;
    const { list } = this;
    await this.#track(this.#onDisk(async () => void (await this.#files.writeList(this.blob, list, list.chunkKey))));
  }

  async remove(): Promise<void> {
    this.#removed = true;
    // What is written after it was removed would be there again.
    await Promise.allSettled([...this.#writing, this.#finishing]);
    await this.#files.remove(this.blob);
  }

  async #write(index: number, bytes: Uint8Array): Promise<void> {
    await this.#track(this.#onDisk(() => this.#files.writeChunk(this.blob, 'part', this.list, index, bytes)));
  }

  /** Whoever removes it waits for this. */
  async #track(writing: Promise<void>): Promise<void> {
    this.#writing.add(writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(writing);
    }
  }

  #finish(): Promise<void> {
    if (this.#removed) return Promise.reject(new ParleyError('no_such_blob'));
    if (this.#whole) return Promise.resolve();
    this.#finishing ??= this.#onDisk(() => this.#files.finish(this.blob, this.list)).then(
      () => {
        this.#whole = true;
      },
      (error: unknown) => {
        this.#finishing = undefined;
        throw error;
      },
    );
    return this.#finishing;
  }

  async #onDisk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (this.#removed) throw new ParleyError('no_such_blob', undefined, { cause });
      if (!['ENOSPC', 'EDQUOT'].includes(systemCodeOf(cause) ?? '')) throw cause;
      throw noRoom({ cause });
    }
  }
}
