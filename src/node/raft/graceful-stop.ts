import type { RaftSettings } from './raft-settings.ts';

export interface GracefulStopEnv {
  readonly settings: Pick<RaftSettings, 'transferMs' | 'drainMs'>;
  readonly monotonicMs: () => number;
  readonly leads: () => boolean;
  /** Commands taken from clients that have no result yet. */
  readonly waitingCount: () => number;
  readonly handOver: () => void;
  /** Everything that could be finished in time is. */
  readonly end: () => void;
}

/** The way out of a running node: leadership first, then the commands that wait, each for a bounded time. */
export class GracefulStop {
  readonly #env: GracefulStopEnv;
  #begun: { readonly transferLeadership: boolean; readonly atMs: number } | undefined;

  constructor(env: GracefulStopEnv) {
    this.#env = env;
  }

  begin({ transferLeadership }: { readonly transferLeadership: boolean }): void {
    this.#begun ??= { transferLeadership, atMs: this.#env.monotonicMs() };
    this.onTick();
  }

  onTick(): void {
    if (this.#begun === undefined) return;
    const { settings, monotonicMs, leads, waitingCount, handOver, end } = this.#env;
    const passedMs = monotonicMs() - this.#begun.atMs;
    if (this.#begun.transferLeadership && leads() && passedMs < settings.transferMs) handOver();
    else if (waitingCount() === 0 || passedMs >= settings.transferMs + settings.drainMs) end();
  }
}
