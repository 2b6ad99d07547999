import type { ConfChange, ConfState, LogIndex } from '../../consensus/types.ts';
import { beginEpoch } from '../../chat/key-ring.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { decodeConfContext, encodeConfContext } from '../membership/conf-context.ts';
import {
  MEMBERS_ROW,
  afterChange,
  decodeMemberTable,
  encodeMemberTable,
  foundingTable,
} from '../membership/member-table.ts';
import type { ProposeOutcome } from '../../consensus/propose-outcome.ts';
import type { StateView } from '../../chat/ports.ts';
import type { PlannedChange } from '../membership/change-rules.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import type { StateStore } from '../ports.ts';
import type { SettleWait } from './waits.ts';

export interface MembershipChangesEnv {
  readonly boot: number;
  readonly directory: MemberDirectory;
  readonly state: StateStore;
  readonly monotonicMs: () => number;
  readonly propose: (change: ConfChange) => ProposeOutcome;
  readonly schedule: () => void;
  /** The table of members changed here. */
  readonly onChanged: () => void;
}

export interface AppliedChange {
  readonly index: LogIndex;
  readonly change: ConfChange;
  readonly confState: ConfState;
}

interface Waiting {
  readonly deadlineMs: number;
  readonly done: SettleWait;
}

/** Brings changes of the membership into the log, and keeps the table of members beside the state they belong to. */
export class MembershipChanges {
  readonly #env: MembershipChangesEnv;
  readonly #waiting = new Map<string, Waiting>();
  #requests = 0;

  constructor(env: MembershipChangesEnv) {
    this.#env = env;
    this.reload();
  }

  /**
   * Done when the change is applied here. After `deadline_exceeded` it may still be applied later.
   * @param deadlineMs milliseconds from now
   */
  propose({ transition, steps, added, ringKey = null }: PlannedChange, deadlineMs: number, done: SettleWait): void {
    const request = `${this.#env.boot}-${(this.#requests += 1)}`;
    const context = encodeConfContext({ request, added, ringKey });
    const outcome = this.#env.propose({ version: 2, transition, steps, context });
    if (outcome.kind !== 'appended') {
      done(refusalOf(outcome));
      return;
    }
    this.#waiting.set(request, { deadlineMs: this.#env.monotonicMs() + deadlineMs, done });
    this.#env.schedule();
  }

  /** Part of the transaction that applies the change. */
  record(transaction: StateView, { index, change, confState }: AppliedChange): void {
    const context = decodeConfContext(change.context);
    const stored = transaction.get(MEMBERS_ROW);
    // Not what other nodes may have told meanwhile: every node has to write the same row.
    const before = stored === undefined ? foundingTable(this.#env.directory.table.founders) : decodeMemberTable(stored);
    const table = afterChange(before, { index, confState, added: context?.added ?? null });
    transaction.put(MEMBERS_ROW, encodeMemberTable(table));
    if (context !== null && context.ringKey !== null) {
      beginEpoch(transaction, { at: this.#env.state.lastStampMs, cause: 'removal', sealed: context.ringKey });
    }
    this.#env.directory.learn(table);
    this.#env.onChanged();
    if (context !== null) this.#settle(context.request, undefined);
  }

  /** Reads the table again after the state was replaced. */
  reload(): void {
    const stored = this.#env.state.get(MEMBERS_ROW);
    if (stored !== undefined && this.#env.directory.learn(decodeMemberTable(stored))) this.#env.onChanged();
  }

  onTick(): void {
    const nowMs = this.#env.monotonicMs();
    for (const [request, { deadlineMs }] of this.#waiting) {
      if (nowMs > deadlineMs) this.#settle(request, new ParleyError('deadline_exceeded'));
    }
  }

  stop(): void {
    for (const request of this.#waiting.keys()) this.#settle(request, new ParleyError('shutting_down'));
  }

  #settle(request: string, error: ParleyError | undefined): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    waiting?.done(error);
  }
}

function refusalOf(outcome: Exclude<ProposeOutcome, { kind: 'appended' }>): ParleyError {
  const { kind } = outcome;
  if (kind === 'refused' || (kind === 'dropped' && outcome.reason === 'transfer-in-progress')) {
    return new ParleyError('change_in_progress');
  }
  if (kind === 'dropped' && outcome.reason === 'uncommitted-bytes-full') return new ParleyError('overloaded');
  return new ParleyError('not_leader');
}
