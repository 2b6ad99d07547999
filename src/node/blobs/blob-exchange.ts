import { isBlobList } from '../../protocol/blobs.ts';
import type { BlobId, NodeName } from '../../protocol/ids.ts';
import type { Clock, Frame, Transport } from '../ports.ts';
import { decodeBlobFrame, encodeBlobFrame } from './blob-frames.ts';
import type { BlobFrame } from './blob-frames.ts';
import { isChunk } from './blob-files.ts';
import type { BlobList } from './blob-files.ts';
import type { BlobShelf } from './blob-shelf.ts';

/** A node that has not answered by then is asked no more for this. */
const ANSWER_MS_MAX = 2_000;
/** Chunks that are read for other nodes at the same time; further questions wait. */
const SERVED_AT_ONCE_MAX = 16;
const SERVED_WAITING_MAX = 256;

interface ExchangePorts {
  readonly transport: Pick<Transport, 'send' | 'broadcast'>;
  readonly clock: Clock;
  readonly shelf: BlobShelf;
  /** A node has the first `chunks` chunks of a blob and wants to know whether this one has all. */
  readonly onOffer: (from: NodeName, offer: Extract<BlobFrame, { kind: 'offer' }>) => void;
  /** A chunk that should be here cannot be read. */
  readonly onDamage: (blob: BlobId) => void;
  readonly onError: (error: unknown) => void;
}

/** Questions to other nodes about blobs, and the answers to theirs. */
export class BlobExchange {
  readonly #ports: ExchangePorts;
  readonly #asked = new Map<number, (answer: BlobFrame | null) => void>();
  readonly #held = new Map<number, (from: NodeName) => void>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #serial = 0;
  #serving = 0;

  constructor(ports: ExchangePorts) {
    this.#ports = ports;
  }

  /** Takes a frame of kind `blob`. @throws ParleyError `bad_request` */
  receive({ from, payload }: Frame): void {
    const frame = decodeBlobFrame(payload);
    switch (frame.kind) {
      case 'offer':
        this.#ports.onOffer(from, frame);
        return;
      case 'held':
        this.#held.get(frame.serial)?.(from);
        return;
      case 'ask-list':
      case 'ask-chunk':
        this.#serve(() => this.#answer(from, frame));
        return;
      case 'list':
      case 'chunk':
        break;
    }
    this.#asked.get(frame.serial)?.(frame);
  }

  /** The list of a blob, as its id confirms it; null when this node does not give it. */
  async list(node: NodeName, blob: BlobId): Promise<BlobList | null> {
    const answer = await this.#ask(node, { kind: 'ask-list', blob, serial: this.#nextSerial() });
    if (answer?.kind !== 'list' || answer.hashes === null) return null;
    const { sizeBytes, hashes } = answer;
    return isBlobList(blob, sizeBytes, hashes) ? { sizeBytes, hashes: Uint8Array.from(hashes) } : null;
  }

  /** A chunk, as the list confirms it; null when this node does not give it. */
  async chunk(node: NodeName, blob: BlobId, list: BlobList, chunk: number): Promise<Uint8Array | null> {
    const answer = await this.#ask(node, { kind: 'ask-chunk', blob, chunk, serial: this.#nextSerial() });
    if (answer?.kind !== 'chunk' || answer.bytes === null) return null;
    return isChunk(list, chunk, answer.bytes) ? answer.bytes : null;
  }

  /** Tells all nodes what this one has. @param onHeld called for each that has all of it, durably, until `stop` */
  offer(blob: BlobId, chunks: number, onHeld?: (from: NodeName) => void): { readonly stop: () => void } {
    const serial = this.#nextSerial();
    if (onHeld !== undefined) this.#held.set(serial, onHeld);
    this.#ports.transport.broadcast('blob', encodeBlobFrame({ kind: 'offer', blob, serial, chunks }));
    return { stop: () => void this.#held.delete(serial) };
  }

  /** Answers an offer. */
  tellHeld(to: NodeName, blob: BlobId, serial: number): void {
    this.#send(to, { kind: 'held', blob, serial });
  }

  #ask(node: NodeName, frame: BlobFrame): Promise<BlobFrame | null> {
    return new Promise((resolve) => {
      const settle = (answer: BlobFrame | null): void => {
        cancel();
        this.#asked.delete(frame.serial);
        resolve(answer);
      };
      const cancel = this.#ports.clock.after(ANSWER_MS_MAX, () => settle(null));
      this.#asked.set(frame.serial, settle);
      this.#send(node, frame);
    });
  }

  async #answer(to: NodeName, frame: Extract<BlobFrame, { kind: 'ask-list' | 'ask-chunk' }>): Promise<void> {
    const { shelf, onDamage } = this.#ports;
    const { blob, serial } = frame;
    await shelf.use(blob, async (held) => {
      if (frame.kind === 'ask-list') {
        this.#send(to, { kind: 'list', serial, sizeBytes: held?.sizeBytes ?? 0, hashes: held?.list.hashes ?? null });
        return;
      }
      const bytes = await held?.read(frame.chunk);
      if (bytes === undefined && held?.has(frame.chunk) === true) onDamage(blob);
      this.#send(to, { kind: 'chunk', serial, bytes: bytes ?? null });
    });
  }

  /** So many at a time; whoever is not answered in time asks somebody else. */
  #serve(work: () => Promise<void>): void {
    if (this.#serving >= SERVED_AT_ONCE_MAX) {
      if (this.#waiting.length < SERVED_WAITING_MAX) this.#waiting.push(work);
      return;
    }
    this.#serving += 1;
    work()
      .catch(this.#ports.onError)
      .finally(() => {
        this.#serving -= 1;
        const next = this.#waiting.shift();
        if (next !== undefined) this.#serve(next);
      });
  }

  #send(to: NodeName, frame: BlobFrame): void {
    this.#ports.transport.send(to, 'blob', encodeBlobFrame(frame));
  }

  #nextSerial(): number {
    return (this.#serial += 1);
  }
}
