import { strict as assert } from 'node:assert';
import type { BatchItem } from '../../protocol/batch.ts';
import type { NodeName } from '../../protocol/ids.ts';

export interface Proposal extends BatchItem {
  /** The node that forwarded it, null when this node's own client sent it. */
  readonly origin: NodeName | null;
  /** When its client stops waiting: proposing it later would only take the place of others. */
  readonly expiresAtMs: number;
}

export interface ProposalBounds {
  readonly itemsMax: number;
  readonly bytesMax: number;
  readonly batchBytesPreferred: number;
  readonly batchItemsMax: number;
}

/** What one command weighs beside its own bytes. */
const ITEM_OVERHEAD_BYTES = 24;

const keyOf = (boot: number, serial: number): string => `${boot}:${serial}`;

/**
 * What the leader is going to propose, in the order in which it came. Remembers what was proposed and is not applied
 * yet, so that a command which its node sends again meanwhile does not enter the log again.
 */
export class ProposalQueue {
  readonly #bounds: ProposalBounds;
  readonly #known = new Set<string>();
  #pending: Proposal[] = [];
  #head = 0;
  #bytes = 0;

  constructor(bounds: ProposalBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#pending.length - this.#head;
  }

  /** `full`: the proposal was not taken. `known`: it waits, or is in the log, already. */
  push(proposal: Proposal): 'taken' | 'known' | 'full' {
    const key = keyOf(proposal.boot, proposal.serial);
    if (this.#known.has(key)) return 'known';
    const bytes = proposal.command.length + ITEM_OVERHEAD_BYTES;
    if (this.length >= this.#bounds.itemsMax || this.#bytes + bytes > this.#bounds.bytesMax) return 'full';
    this.#known.add(key);
    this.#pending.push(proposal);
    this.#bytes += bytes;
    return 'taken';
  }

  /** Drops what nobody waits for any more, up to the first that somebody does. */
  dropExpired(nowMs: number): void {
    let count = 0;
    for (; count < this.length; count += 1) {
      const { boot, serial, expiresAtMs } = this.#pending[this.#head + count]!;
      if (expiresAtMs > nowMs) break;
      this.#known.delete(keyOf(boot, serial));
    }
    if (count > 0) this.remove(count);
  }

  /** What goes into the next entry: as much as is preferred, but at least one. */
  peekBatch(): readonly Proposal[] {
    const { batchBytesPreferred, batchItemsMax } = this.#bounds;
    let end = this.#head;
    let bytes = 0;
    while (end < this.#pending.length && end - this.#head < batchItemsMax) {
      bytes += this.#pending[end]!.command.length + ITEM_OVERHEAD_BYTES;
      if (bytes > batchBytesPreferred && end > this.#head) break;
      end += 1;
    }
    return this.#pending.slice(this.#head, end);
  }

  /** The first `count` need not wait here any longer. */
  remove(count: number): void {
    assert(count <= this.length);
    const end = this.#head + count;
    for (; this.#head < end; this.#head += 1) {
      this.#bytes -= this.#pending[this.#head]!.command.length + ITEM_OVERHEAD_BYTES;
    }
    if (this.#head * 2 >= this.#pending.length) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
  }

  applied(boot: number, serial: number): void {
    if (this.#known.size > 0) this.#known.delete(keyOf(boot, serial));
  }

  /** Leadership is over. Returns what was not proposed. */
  clear(): readonly Proposal[] {
    const rest = this.#pending.slice(this.#head);
    this.#pending = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#known.clear();
    return rest;
  }
}
