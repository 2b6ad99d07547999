import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { WriteStream } from 'node:fs';

/**
 * What happened, as seen from outside: one JSON object a line. Times are milliseconds on one monotonic clock, that
 * of the process that ran the load.
 */
export type HistoryRecord =
  /** A client asks for something. `op` ids are unique. */
  | { readonly type: 'invoke'; readonly t: number; readonly op: number; readonly call: Call; readonly node: string }
  /** What a client made of a send whose `call` has no body; again, where it had to encrypt the same message again. */
  | { readonly type: 'sealed'; readonly t: number; readonly op: number; readonly body: string }
  /** It was acknowledged. */
  | { readonly type: 'ok'; readonly t: number; readonly op: number; readonly node: string; readonly seq: number }
  /** It surely did not happen. */
  | { readonly type: 'fail'; readonly t: number; readonly op: number; readonly node: string; readonly code: string }
  /** Nobody knows whether it happened. */
  | { readonly type: 'info'; readonly t: number; readonly op: number; readonly node: string; readonly code: string }
  /** A message reached a live feed. `feed` names one client's feed across its reconnections. */
  | {
      readonly type: 'delivered';
      readonly t: number;
      readonly feed: string;
      readonly node: string;
      readonly room: string;
      readonly seq: number;
      readonly txnId: string;
      /** Hash of the envelope; null where the client showed what it read in it, and that was right. */
      readonly body: string | null;
    }
  | { readonly type: 'fault'; readonly t: number; readonly kind: string; readonly node: string }
  /** The others follow another leader: `node`, which a fault befell, leads nobody any more. */
  | { readonly type: 'deposed'; readonly t: number; readonly node: string }
  /** The fault is about to be taken away. */
  | { readonly type: 'mended'; readonly t: number; readonly node: string }
  | { readonly type: 'healed'; readonly t: number; readonly node: string }
  /** What a node shows at the end. */
  | { readonly type: 'final'; readonly node: string; readonly room: string; readonly messages: readonly FinalMessage[] }
  | { readonly type: 'state-hash'; readonly node: string; readonly index: number; readonly hash: string };

export type Call =
  | { readonly kind: 'send'; readonly room: string; readonly txnId: string; readonly body: string | null }
  /** Linearizable read of a room's last sequence number. */
  | { readonly kind: 'read'; readonly room: string };

export interface FinalMessage {
  readonly seq: number;
  readonly txnId: string;
  /** Hash of the envelope. */
  readonly body: string;
}

/** Keeps the history in memory for the checker and, if asked, on disk for people. */
export class HistoryRecorder {
  readonly records: HistoryRecord[] = [];
  readonly #file: WriteStream | null;
  #ops = 0;

  constructor(file: string | null) {
    this.#file = file === null ? null : createWriteStream(file);
  }

  now(): number {
    return performance.now();
  }

  nextOp(): number {
    return ++this.#ops;
  }

  add(record: HistoryRecord): void {
    this.records.push(record);
    this.#file?.write(`${JSON.stringify(record)}\n`);
  }

  async close(): Promise<void> {
    if (this.#file === null) return;
    this.#file.end();
    await once(this.#file, 'close');
  }
}
