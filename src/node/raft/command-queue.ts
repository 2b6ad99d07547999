import { strict as assert } from 'node:assert';
import type { ProposeOutcome } from '../../consensus/propose-outcome.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import { encodeBatch, type BatchItem } from '../../protocol/batch.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import {
  COMMANDS_PER_FRAME_MAX,
  decodeForward,
  decodeRefusal,
  encodeForward,
  encodeRefusal,
  type ForwardedCommand,
  type RefusalReason,
} from './forward-frames.ts';
import { ProposalQueue } from './proposal-queue.ts';
import type { RaftSettings } from './raft-settings.ts';

export type SubmitOutcome<Result> =
  | { readonly ok: true; readonly result: Result; readonly index: LogIndex }
  | { readonly ok: false; readonly error: ParleyError };

export interface CommandQueueEnv {
  readonly self: NodeName;
  readonly boot: number;
  readonly settings: RaftSettings;
  readonly monotonicMs: () => number;
  readonly send: (to: NodeName, kind: 'forward' | 'forward-refused', payload: Uint8Array) => void;
  readonly propose: (data: Uint8Array) => ProposeOutcome;
  readonly nextStamp: () => StampMs;
  /** Asks for a turn of the driver, which calls `flush`. */
  readonly schedule: () => void;
}

/** A command of this node's own client that has no result yet. */
interface Waiting<Result> {
  readonly serial: number;
  readonly command: Uint8Array;
  readonly deadlineMs: number;
  readonly done: (outcome: SubmitOutcome<Result>) => void;
  /** Where it is: nowhere, in `#toForward`, among this leader's proposals or in its log, sent to another leader. */
  place: 'idle' | 'queued' | 'proposal' | 'sent';
  /** How often it was given to a leader, perhaps this node, which may have it in its log. */
  exposures: number;
  /** Times sent to the present leader. */
  sends: number;
  /** When `sent`: send again at this time. When `idle`: not before it. */
  retryAtMs: number;
}

/** Where commands go. */
interface Route {
  readonly leader: NodeName | null;
  readonly term: Term;
}

/**
 * Group commit and forwarding. Commands of this node's clients wait here until this node applies them; whoever leads
 * packs all that arrived during one disk write into the next entry. Commands may reach the log more than once (they
 * are sent again after a change of leader, a refusal or silence): the state machine recognises them, and the first
 * applied result counts.
 */
export class CommandQueue<Result> {
  readonly #env: CommandQueueEnv;
  readonly #waiting = new Map<number, Waiting<Result>>();
  readonly #proposals: ProposalQueue;
  #route: Route = { leader: null, term: 0 as Term };
  #lastSerial = 0;
  #waitingBytes = 0;
  /** The core refused a proposal: wait for something to change. */
  #proposingBlocked = false;
  #toForward: Waiting<Result>[] = [];
  #stopped = false;

  constructor(env: CommandQueueEnv) {
    this.#env = env;
    const { proposalItemsMax, proposalBytesMax, batchBytesPreferred, batchItemsMax } = env.settings;
    this.#proposals = new ProposalQueue({
      itemsMax: proposalItemsMax,
      bytesMax: proposalBytesMax,
      batchBytesPreferred,
      batchItemsMax,
    });
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get #leads(): boolean {
    return this.#route.leader === this.#env.self;
  }

  submit(command: Uint8Array, deadlineMs: number, done: (outcome: SubmitOutcome<Result>) => void): void {
    const refusal = this.#refusalOf(command);
    if (refusal !== undefined) {
      done({ ok: false, error: refusal });
      return;
    }
    this.#lastSerial += 1;
    const waiting: Waiting<Result> = {
      serial: this.#lastSerial,
      command,
      deadlineMs: this.#env.monotonicMs() + deadlineMs,
      done,
      place: 'idle',
      exposures: 0,
      sends: 0,
      retryAtMs: 0,
    };
    this.#waiting.set(waiting.serial, waiting);
    this.#waitingBytes += command.length;
    this.#dispatch(waiting);
    this.#env.schedule();
  }

  #refusalOf(command: Uint8Array): ParleyError | undefined {
    const { commandBytesMax, waitingItemsMax, waitingBytesMax } = this.#env.settings;
    if (this.#stopped) return new ParleyError('shutting_down');
    if (command.length > commandBytesMax) return new ParleyError('payload_too_large');
    if (this.#waiting.size >= waitingItemsMax || this.#waitingBytes + command.length > waitingBytesMax) {
      return new ParleyError('overloaded');
    }
    return undefined;
  }

  /** Starts a command on its way, if there is one now. */
  #dispatch(waiting: Waiting<Result>): void {
    assert(waiting.place === 'idle');
    if (this.#leads) {
      const { serial, command, deadlineMs: expiresAtMs } = waiting;
      const pushed = this.#proposals.push({ boot: this.#env.boot, serial, command, origin: null, expiresAtMs });
      if (pushed === 'full') return;
      waiting.place = 'proposal';
      waiting.exposures += 1;
    } else if (this.#route.leader !== null) {
      waiting.place = 'queued';
      this.#toForward.push(waiting);
    }
  }

  // ---------------------------------------------------------------- the way to the leader

  /** Who leads now. What was under way elsewhere is sent again: nobody knows what the old leader did with it. */
  route(leader: NodeName | null, term: Term): void {
    if (leader === this.#route.leader && term === this.#route.term) return;
    this.#route = { leader, term };
    this.#proposingBlocked = false;
    this.#toForward = [];
    this.#refuse(this.#proposals.clear(), 'not-leader');
    for (const waiting of this.#waiting.values()) {
      waiting.place = 'idle';
      waiting.sends = 0;
      waiting.retryAtMs = 0;
      this.#dispatch(waiting);
    }
    if (this.#waiting.size > 0) this.#env.schedule();
  }

  /** Once per turn: what waits is proposed here if the log's disk is free, or sent to the leader. */
  flush(diskIsFree: boolean): void {
    if (this.#leads) {
      if (diskIsFree) this.#propose();
    } else if (this.#toForward.length > 0) {
      this.#forward();
    }
  }

  #propose(): void {
    const { batchesPerWriteMax } = this.#env.settings;
    this.#proposals.dropExpired(this.#env.monotonicMs());
    for (let batches = 0; batches < batchesPerWriteMax; batches += 1) {
      if (this.#proposingBlocked || this.#proposals.length === 0) return;
      const items = this.#proposals.peekBatch();
      const outcome = this.#env.propose(encodeBatch({ stampMs: this.#env.nextStamp(), items }));
      if (outcome.kind !== 'appended') {
        this.#proposingBlocked = true;
        return;
      }
      this.#proposals.remove(items.length);
    }
  }

  #forward(): void {
    const { leader } = this.#route;
    if (leader === null) return;
    const { forwardFrameBytesMax } = this.#env.settings;
    const nowMs = this.#env.monotonicMs();
    let commands: ForwardedCommand[] = [];
    let bytes = 0;
    const send = (): void => {
      if (commands.length > 0) this.#env.send(leader, 'forward', encodeForward({ boot: this.#env.boot, commands }));
      commands = [];
      bytes = 0;
    };
    for (const waiting of this.#toForward.splice(0)) {
      // Its deadline may have passed meanwhile.
      if (!this.#waiting.has(waiting.serial)) continue;
      const { serial, command, deadlineMs } = waiting;
      if (bytes + command.length > forwardFrameBytesMax || commands.length === COMMANDS_PER_FRAME_MAX) send();
      commands.push({ serial, command, ttlMs: Math.max(0, Math.ceil(deadlineMs - nowMs)) });
      bytes += command.length;
      waiting.place = 'sent';
      waiting.exposures += 1;
      waiting.sends += 1;
      waiting.retryAtMs = nowMs + this.#retryDelayMs(waiting.sends);
    }
    send();
  }

  #retryDelayMs(sends: number): number {
    const { forwardRetryMs, forwardRetryMsMax } = this.#env.settings;
    return Math.min(forwardRetryMs * 2 ** (sends - 1), forwardRetryMsMax);
  }

  // ---------------------------------------------------------------- frames of other nodes

  /** Another node takes this one for the leader. */
  onForward(from: NodeName, payload: Uint8Array): void {
    const { boot, commands } = decodeForward(payload);
    const nowMs = this.#env.monotonicMs();
    const proposals = commands.map(({ serial, command, ttlMs }) => {
      return { boot, serial, command, origin: from, expiresAtMs: nowMs + ttlMs };
    });
    if (!this.#leads || this.#stopped) {
      this.#refuse(proposals, 'not-leader');
      return;
    }
    const overflow = proposals.filter((proposal) => this.#proposals.push(proposal) === 'full');
    this.#refuse(overflow, 'overloaded');
    this.#env.schedule();
  }

  #refuse(proposals: readonly (BatchItem & { readonly origin: NodeName | null })[], reason: RefusalReason): void {
    const groups = new Map<string, { origin: NodeName; boot: number; serials: number[] }>();
    for (const { origin, boot, serial } of proposals) {
      if (origin === null) continue;
      const key = `${origin}:${boot}`;
      let group = groups.get(key);
      if (group === undefined) groups.set(key, (group = { origin, boot, serials: [] }));
      group.serials.push(serial);
    }
    for (const { origin, boot, serials } of groups.values()) {
      for (let at = 0; at < serials.length; at += COMMANDS_PER_FRAME_MAX) {
        const some = serials.slice(at, at + COMMANDS_PER_FRAME_MAX);
        this.#env.send(origin, 'forward-refused', encodeRefusal({ boot, reason, serials: some }));
      }
    }
  }

  /** `from` did not take these commands. */
  onRefusal(from: NodeName, payload: Uint8Array): void {
    const { boot, reason, serials } = decodeRefusal(payload);
    if (boot !== this.#env.boot || from !== this.#route.leader) return;
    const nowMs = this.#env.monotonicMs();
    for (const serial of serials) {
      const waiting = this.#waiting.get(serial);
      if (waiting?.place !== 'sent') continue;
      // Its client may hear that only when it is certain that no leader has the command.
      if (reason !== 'not-leader' && waiting.exposures === 1) {
        this.#settle(waiting, { ok: false, error: new ParleyError(REFUSALS[reason]) });
      } else {
        waiting.place = 'idle';
        waiting.retryAtMs = nowMs + this.#retryDelayMs(waiting.sends) / 4;
      }
    }
  }

  // ---------------------------------------------------------------- results, deadlines, the end

  /** An entry was applied here: whoever waits for one of its commands learns the result. */
  applied(index: LogIndex, items: readonly BatchItem[], results: readonly Result[]): void {
    assert(items.length === results.length, 'a result for each command');
    this.#proposingBlocked = false;
    for (let i = 0; i < items.length; i += 1) {
      const { boot, serial, command } = items[i]!;
      this.#proposals.applied(boot, serial);
      const waiting = boot === this.#env.boot ? this.#waiting.get(serial) : undefined;
      // A data directory that was put back from a copy counts its starts anew: numbers alone prove nothing.
      if (waiting !== undefined && isSame(waiting.command, command))
        this.#settle(waiting, { ok: true, result: results[i]!, index });
    }
  }

  onTick(): void {
    const nowMs = this.#env.monotonicMs();
    this.#proposingBlocked = false;
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadlineMs <= nowMs) {
        this.#settle(waiting, { ok: false, error: this.#lateness(waiting) });
      } else if (waiting.retryAtMs <= nowMs && (waiting.place === 'idle' || waiting.place === 'sent')) {
        waiting.place = 'idle';
        this.#dispatch(waiting);
      }
    }
    if (this.#toForward.length > 0) this.#env.schedule();
  }

  #lateness({ exposures }: Waiting<Result>): ParleyError {
    return new ParleyError(exposures === 0 && this.#route.leader === null ? 'no_leader' : 'deadline_exceeded');
  }

  stop(): void {
    this.#stopped = true;
    this.#toForward = [];
    this.#refuse(this.#proposals.clear(), 'not-leader');
    for (const waiting of this.#waiting.values()) {
      this.#settle(waiting, { ok: false, error: new ParleyError('shutting_down') });
    }
  }

  #settle(waiting: Waiting<Result>, outcome: SubmitOutcome<Result>): void {
    this.#waiting.delete(waiting.serial);
    this.#waitingBytes -= waiting.command.length;
    waiting.done(outcome);
  }
}

const REFUSALS = { overloaded: 'overloaded', 'disk-low': 'disk_low' } as const;

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
