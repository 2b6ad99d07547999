import { randomBytes } from 'node:crypto';
import { COMMAND_LIMITS } from '../protocol/command-bodies.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { ChatNode } from '../node/ports.ts';
import type { ReceiptMark } from '../protocol/commands.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';

/** What comes within it goes into the log together, however many accounts tell how far they have got. */
const GATHER_MS = 250;
/** Accounts and rooms that may wait together. */
const WAITING_MAX = 16_384;

interface Waiting {
  mark: ReceiptMark;
  readonly settle: ((error: unknown) => void)[];
}

/** Markers on their way to the log: of one account in one room only the furthest goes there. */
export class ReceiptMarks {
  readonly #node: Pick<ChatNode, 'submit' | 'stampMs'>;
  readonly #deadlineMs: number;
  #waiting = new Map<string, Waiting>();
  /** Whether what waits will be brought into the log by itself. */
  #isTimed = false;

  constructor(node: Pick<ChatNode, 'submit' | 'stampMs'>, deadlineMs: number) {
    this.#node = node;
    this.#deadlineMs = deadlineMs;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is applied. @throws ParleyError `overloaded`, and what keeps a command from the log */
  mark(
    account: AccountId,
    room: RoomId,
    { delivered, read }: { readonly delivered: number; readonly read: number },
  ): Promise<void> {
    const key = `${account}/${room}`;
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= WAITING_MAX) return Promise.reject(new ParleyError('overloaded'));
    const waiting = known ?? { mark: { account, room, delivered: 0, read: 0 }, settle: [] };
    const before = waiting.mark;
    waiting.mark = {
      account,
      room,
      delivered: Math.max(before.delivered, delivered),
      read: Math.max(before.read, read),
    };
    this.#waiting.set(key, waiting);
    if (!this.#isTimed) setTimeout(() => void this.#flush(), GATHER_MS).unref();
    this.#isTimed = true;
    return new Promise((resolve, reject) => {
      waiting.settle.push((error) => (error === null ? resolve() : reject(error)));
    });
  }

  async #flush(): Promise<void> {
    this.#isTimed = false;
    const all = [...this.#waiting.values()];
    this.#waiting = new Map();
    for (let i = 0; i < all.length; i += COMMAND_LIMITS.receiptMarksMax) {
      const some = all.slice(i, i + COMMAND_LIMITS.receiptMarksMax);
      const error = await this.#submit(some.map(({ mark }) => mark));
      for (const { settle } of some) for (const end of settle) end(error);
    }
  }

  /** @returns null, or why it did not get into the log */
  async #submit(marks: readonly ReceiptMark[]): Promise<unknown> {
    const txnId = makeTxnId(this.#node.stampMs, new Uint8Array(randomBytes(10)));
    try {
      await this.#node.submit({ kind: 'receipt.mark', actor: null, txnId, body: { marks } }, this.#deadlineMs);
      return null;
    } catch (error) {
      return error;
    }
  }
}
