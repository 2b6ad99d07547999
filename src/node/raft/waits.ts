import type { ReadState } from '../../consensus/ready.ts';
import type { LogIndex } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { IndexWaiters } from './index-waiters.ts';
import type { RaftSettings } from './raft-settings.ts';
import { ReadBarriers } from './read-barriers.ts';

export type SettleWait = (error: ParleyError | undefined) => void;

export interface WaitsEnv {
  readonly boot: number;
  readonly settings: RaftSettings;
  readonly monotonicMs: () => number;
  readonly appliedIndex: () => LogIndex;
  readonly knowsLeader: () => boolean;
  readonly readIndex: (context: Uint8Array) => void;
  readonly schedule: () => void;
}

/** Everybody who waits for this node to have applied something: a known index, or whatever is committed now. */
export class Waits {
  readonly #env: WaitsEnv;
  readonly #indexes: IndexWaiters;
  readonly #reads: ReadBarriers;
  #stopped = false;

  constructor(env: WaitsEnv) {
    this.#env = env;
    const { boot, settings, monotonicMs, readIndex } = env;
    const { readRoundsMax, readRetryMs, waitersMax } = settings;
    this.#indexes = new IndexWaiters(waitersMax);
    this.#reads = new ReadBarriers({ boot, monotonicMs, readRoundsMax, readRetryMs, readIndex });
  }

  readBarrier(deadlineMs: number, done: SettleWait): void {
    const refusal = this.#refusal(this.#reads.pendingCount >= this.#env.settings.waitersMax);
    if (refusal !== undefined) {
      done(refusal);
      return;
    }
    const deadlineAtMs = this.#env.monotonicMs() + deadlineMs;
    this.#reads.add({
      deadlineMs: deadlineAtMs,
      done: (outcome) => {
        if (outcome.kind === 'index') this.#await(outcome.index, deadlineAtMs, 'deadline_exceeded', done);
        else if (outcome.kind === 'stopped') done(new ParleyError('shutting_down'));
        else done(new ParleyError(this.#env.knowsLeader() ? 'deadline_exceeded' : 'no_leader'));
      },
    });
    this.#env.schedule();
  }

  waitForIndex(index: LogIndex, deadlineMs: number, done: SettleWait): void {
    this.#await(index, this.#env.monotonicMs() + deadlineMs, 'behind', done);
  }

  #await(index: LogIndex, deadlineMs: number, lateness: 'behind' | 'deadline_exceeded', done: SettleWait): void {
    const refusal = this.#refusal(this.#indexes.full);
    if (refusal !== undefined || index <= this.#env.appliedIndex()) {
      done(refusal);
      return;
    }
    this.#indexes.add({
      index,
      deadlineMs,
      done: (reached) => done(reached ? undefined : new ParleyError(this.#stopped ? 'shutting_down' : lateness)),
    });
  }

  #refusal(full: boolean): ParleyError | undefined {
    if (this.#stopped) return new ParleyError('shutting_down');
    return full ? new ParleyError('overloaded') : undefined;
  }

  /** Once per turn of the driver. */
  flush(): void {
    if (this.#env.knowsLeader()) this.#reads.flush();
  }

  onReadStates(states: readonly ReadState[]): void {
    for (const state of states) this.#reads.onReadState(state);
  }

  onLeaderChange(): void {
    this.#reads.onLeaderChange();
  }

  applied(index: LogIndex): void {
    this.#indexes.applied(index);
  }

  onTick(): void {
    this.#reads.onTick();
    this.#indexes.expire(this.#env.monotonicMs());
  }

  stop(): void {
    this.#stopped = true;
    this.#reads.stop();
    this.#indexes.failAll();
  }
}
