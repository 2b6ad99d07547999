import { blobById } from '../../chat/queries-blobs.ts';
import type { StateReader } from '../../chat/ports.ts';
import { BLOB_CHUNK_BYTES, isBlobList } from '../../protocol/blobs.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { BlobId, NodeName } from '../../protocol/ids.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import type { BlobPort, BlobProgress, Clock, Frame, Transport } from '../ports.ts';
import { BlobExchange } from './blob-exchange.ts';
import { BlobFetcher } from './blob-fetcher.ts';
import type { BlobList } from './blob-files.ts';
import { BlobPuller } from './blob-puller.ts';
import { scanBlobs } from './blob-scan.ts';
import { BlobShelf } from './blob-shelf.ts';
import { noRoom, type BlobRoom, type HeldBlob } from './held-blob.ts';

/** How often the other nodes are told how far an upload is, and whether they have it all is asked. */
const OFFER_EVERY_MS = 100;
const RETRY_MS = 1_000;
const BARRIER_MS = 5_000;
const MISSING_RANGES_MAX = 1_000;
/** Chunks of one download that are read ahead of its reader: 1 MiB. */
const READ_AHEAD = 4;

export interface BlobKeeperPorts {
  readonly self: NodeName;
  readonly dataDir: string;
  /** Of the files on this node's disk. */
  readonly seal: RowSeal;
  readonly transport: Pick<Transport, 'send' | 'broadcast'>;
  readonly clock: Clock;
  /** The state as this node has applied it. */
  readonly reader: () => StateReader;
  /** The other members. */
  readonly others: () => readonly NodeName[];
  /** Whether these are a majority of the voters; of both sets of them while the voters change. */
  readonly isMajority: (nodes: ReadonlySet<NodeName>) => boolean;
  /** Resolves once the state is as new as the cluster was when it was asked. */
  readonly readBarrier: (deadlineMs: number) => Promise<void>;
  readonly room: BlobRoom;
  readonly logger: { warn(fields: object, message: string): void };
}

/** The files of a node: takes them in, spreads them, gets what it lacks, mends what is damaged, removes what is over. */
export class BlobKeeper implements BlobPort {
  readonly #ports: BlobKeeperPorts;
  readonly #shelf: BlobShelf;
  readonly #exchange: BlobExchange;
  readonly #puller: BlobPuller;
  readonly #fetcher: BlobFetcher;
  /** Uploads of which the others were told a moment ago, and will be told again if more has come since. */
  readonly #offered = new Map<BlobId, { readonly cancel: () => void; more: boolean }>();
  /** What the state no longer knew when this node last looked. */
  readonly #over = new Set<BlobId>();
  #removal: Promise<void> | null = null;
  #scan: Promise<void> | null = null;
  #scanAgain = false;
  readonly #pauses = new Set<() => void>();
  #stopped = false;

  constructor(ports: BlobKeeperPorts) {
    this.#ports = ports;
    const { transport, clock } = ports;
    const onError = (error: unknown): void => this.#report(error);
    this.#shelf = new BlobShelf(ports.dataDir, ports.seal);
    this.#exchange = new BlobExchange({
      transport,
      clock,
      shelf: this.#shelf,
      onOffer: (from, offer) => void this.#onOffer(from, offer).catch(onError),
      onDamage: (blob) => this.#onDamage(blob),
      onError,
    });
    this.#puller = new BlobPuller({ shelf: this.#shelf, exchange: this.#exchange, room: ports.room });
    this.#fetcher = new BlobFetcher({
      puller: this.#puller,
      clock,
      infoOf: (blob) => blobById(ports.reader(), blob),
      others: ports.others,
      tellHeld: (to, blob, serial) => this.#exchange.tellHeld(to, blob, serial),
      onMended: (blob, chunks) => ports.logger.warn({ blob, chunks }, 'a damaged file was mended from other nodes'),
      onError,
    });
  }

  /** Looks through disk and state in the background. */
  start(): void {
    this.scan();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const end of this.#pauses) end();
    for (const { cancel } of this.#offered.values()) cancel();
    await Promise.all([this.#scan, this.#removal, this.#fetcher.stop()]);
  }

  /** Seals what is on this disk anew where a generation of the data keys before this one sealed it. */
  async reseal(before: number): Promise<void> {
    await this.#shelf.reseal(before);
  }

  /** Takes a frame of kind `blob`. */
  handleFrame(frame: Frame): void {
    try {
      if (!this.#stopped) this.#exchange.receive(frame);
    } catch (error) {
      this.#report(error);
    }
  }

  /** The rows of these blobs have changed. */
  touched(blobs: readonly BlobId[]): void {
    for (const blob of blobs) this.#follow(blob).catch((error: unknown) => this.#report(error));
  }

  /** To be called when the state was replaced, too. */
  scan(): void {
    this.#scanAgain = true;
    if (this.#scan !== null || this.#stopped) return;
    this.#scan = this.#scanUntilDone().finally(() => {
      this.#scan = null;
    });
  }

  // ---------------------------------------------------------------- what the API asks

  async ensureRoom(blob: BlobId, sizeBytes: number): Promise<void> {
    if (blobById(this.#ports.reader(), blob)?.stored === true) return;
    const missingBytes = await this.#shelf.use(blob, async (held) => held?.missingBytes ?? sizeBytes);
    if (missingBytes > 0 && !this.#ports.room.has(missingBytes)) throw noRoom();
  }

  async open(blob: BlobId, sizeBytes: number, hashes: Uint8Array): Promise<BlobProgress> {
    if (!isBlobList(blob, sizeBytes, hashes)) throw new ParleyError('blob_mismatch');
    return this.#shelf.useNew(blob, { sizeBytes, hashes }, async (held) => progressOf(held));
  }

  async put(blob: BlobId, index: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#shelf.use(blob, async (held) => {
        if (held === undefined)
          throw new ParleyError('no_such_blob', 'This node does not know the upload: begin again.');
        if (index >= held.count) throw new ParleyError('invalid_field', `This file has ${held.count} chunks.`);
        await held.put(index, bytes, this.#ports.room);
        this.#offerSoon(held);
      });
    } catch (error) {
      // It cannot become whole here: what there is of it would only keep others from the room.
      if (error instanceof ParleyError && error.code === 'disk_low') await this.#shelf.remove(blob);
      throw error;
    }
  }

  async replicate(blob: BlobId, deadlineMs: number): Promise<void> {
    const chunks = await this.#shelf.use(blob, async (held) => {
      if (held?.isWhole === true) return held.count;
      throw new ParleyError('blob_incomplete', undefined, {
        data: { missing: held?.missing(MISSING_RANGES_MAX) ?? [] },
      });
    });
    const { clock, self, isMajority } = this.#ports;
    const deadline = clock.monotonicMs() + deadlineMs;
    const holders = new Set([self]);
    while (!isMajority(holders)) {
      if (clock.monotonicMs() >= deadline) {
        throw new ParleyError(
          'deadline_exceeded',
          'Not enough nodes have the file yet: the same request again waits on.',
        );
      }
      await new Promise<void>((resolve) => {
        const go = (): void => {
          cancel();
          stop();
          resolve();
        };
        const cancel = clock.after(OFFER_EVERY_MS, go);
        const { stop } = this.#exchange.offer(blob, chunks, (node) => {
          holders.add(node);
          if (isMajority(holders)) go();
        });
      });
    }
  }

  async *read(blob: BlobId, from: number, to: number): AsyncGenerator<Uint8Array> {
    const list = await this.#listOf(blob);
    const [first, last] = [Math.floor(from / BLOB_CHUNK_BYTES), Math.floor((to - 1) / BLOB_CHUNK_BYTES)];
    const ahead: Promise<Uint8Array>[] = [];
    for (let index = first, asked = first; index <= last; index++) {
      for (; asked <= last && asked < index + READ_AHEAD; asked++) {
        const reading = this.#chunk(blob, list, asked);
        // Whether it fails is seen when its turn comes, if it comes.
        reading.catch(() => undefined);
        ahead.push(reading);
      }
      const bytes = await ahead.shift()!;
      const start = index * BLOB_CHUNK_BYTES;
      yield bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, to - start));
    }
  }

  // ---------------------------------------------------------------- reading

  async #listOf(blob: BlobId): Promise<BlobList> {
    const list = await this.#shelf.use(blob, async (held) => held?.list);
    const found = list ?? (await this.#puller.list(blob, this.#ports.others()));
    if (found === null) throw new ParleyError('blob_unavailable');
    return found;
  }

  /** From this disk, or, where it is missing or damaged here, from another node. */
  async #chunk(blob: BlobId, list: BlobList, index: number): Promise<Uint8Array> {
    return this.#shelf.use(blob, async (held) => {
      const own = await held?.read(index);
      if (own !== undefined) return own;
      const bytes = await this.#puller.chunk(blob, list, index, this.#ports.others());
      if (bytes === null) throw new ParleyError('blob_unavailable');
      if (held?.has(index) === true) this.#onDamage(blob);
      else this.#fetcher.want(blob);
      return bytes;
    });
  }

  #onDamage(blob: BlobId): void {
    this.#ports.logger.warn({ blob }, 'a file is damaged on this disk');
    this.#fetcher.want(blob, { mend: true });
  }

  // ---------------------------------------------------------------- between nodes

  async #onOffer(
    from: NodeName,
    { blob, serial, chunks }: { blob: BlobId; serial: number; chunks: number },
  ): Promise<void> {
    // One that this node has not heard of yet, it will be offered again.
    if (blobById(this.#ports.reader(), blob) === undefined) return;
    const isWhole = await this.#shelf.use(blob, async (held) => held?.isWhole === true);
    if (isWhole) this.#exchange.tellHeld(from, blob, serial);
    else this.#fetcher.offered(blob, from, { serial, chunks });
  }

  #offerSoon(held: HeldBlob): void {
    const { blob, isWhole, prefix } = held;
    const before = this.#offered.get(blob);
    if (before !== undefined && !isWhole) {
      before.more = true;
      return;
    }
    before?.cancel();
    this.#offered.delete(blob);
    this.#exchange.offer(blob, prefix);
    if (isWhole) return;
    const cancel = this.#ports.clock.after(OFFER_EVERY_MS, () => {
      const { more } = this.#offered.get(blob)!;
      this.#offered.delete(blob);
      if (more) this.#offerSoon(held);
    });
    this.#offered.set(blob, { cancel, more: false });
  }

  // ---------------------------------------------------------------- what the state says

  async #follow(blob: BlobId): Promise<void> {
    // The rows are those of the whole entry once it was applied.
    await Promise.resolve();
    if (this.#stopped) return;
    const info = blobById(this.#ports.reader(), blob);
    if (info === undefined) this.#removeSoon(blob);
    else if (info.stored && !(await this.#shelf.seemsWhole(blob, info.sizeBytes))) {
      if (this.#fetcher.isFull) this.scan();
      else this.#fetcher.want(blob);
    }
  }

  /**
   * The same bytes may have been uploaded again by the time this node hears that they were over, and it may have said
   * that it holds them: only a state that is as new as the cluster can tell.
   */
  #removeSoon(blob: BlobId): void {
    this.#fetcher.drop(blob);
    this.#over.add(blob);
    this.#removal ??= this.#removeAll().finally(() => {
      this.#removal = null;
    });
  }

  async #removeAll(): Promise<void> {
    while (this.#over.size > 0 && !this.#stopped) {
      const blobs = [...this.#over];
      try {
        await this.#ports.readBarrier(BARRIER_MS);
        for (const blob of blobs) {
          if (blobById(this.#ports.reader(), blob) === undefined) await this.#shelf.remove(blob);
          this.#over.delete(blob);
        }
      } catch (error) {
        if (!(error instanceof ParleyError)) this.#report(error);
        await this.#pause(RETRY_MS);
      }
    }
  }

  async #scanUntilDone(): Promise<void> {
    while (this.#scanAgain && !this.#stopped) {
      this.#scanAgain = false;
      try {
        await this.#ports.readBarrier(BARRIER_MS);
        await scanBlobs({
          shelf: this.#shelf,
          reader: this.#ports.reader,
          isStopped: () => this.#stopped,
          pause: (ms) => this.#pause(ms),
          isFull: () => this.#fetcher.isFull,
          want: (blob) => this.#fetcher.want(blob),
        });
      } catch (error) {
        // Without a leader nobody can tell what is over.
        if (!(error instanceof ParleyError)) this.#report(error);
        this.#scanAgain = true;
        await this.#pause(RETRY_MS);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#ports.clock.after(ms, end);
      this.#pauses.add(end);
    });
  }

  #report(error: unknown): void {
    this.#ports.logger.warn({ err: error }, 'a file could not be looked after; it is tried again');
  }
}

function progressOf(held: HeldBlob): BlobProgress {
  return { chunks: held.count, missing: held.missing(MISSING_RANGES_MAX) };
}
