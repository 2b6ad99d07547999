import { describe, expect, it } from 'vitest';
import { Ticker } from './ticker.ts';

/** Timers that fire when the test says so, as late as it likes. */
class ManualClock {
  nowMs = 0;
  #timers: { atMs: number; run: () => void }[] = [];

  readonly clock = {
    wallMs: () => this.nowMs,
    monotonicMs: () => this.nowMs,
    after: (delayMs: number, run: () => void) => {
      const timer = { atMs: this.nowMs + delayMs, run };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
  };

  get pending(): number {
    return this.#timers.length;
  }

  /** Everything that is due, once: what it arms is left for the next call. */
  fire(): void {
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
  }

  run(untilMs: number): void {
    for (; this.nowMs < untilMs; this.nowMs += 1) this.fire();
  }
}

describe('Ticker', () => {
  const start = (): { manual: ManualClock; ticker: Ticker; seen: { ticks: number; stalls: number[] } } => {
    const manual = new ManualClock();
    const seen = { ticks: 0, stalls: [] as number[] };
    const ticker = new Ticker({
      clock: manual.clock,
      tickMs: 25,
      stallMs: 100,
      onTick: () => (seen.ticks += 1),
      onStall: (lateMs) => seen.stalls.push(lateMs),
    });
    ticker.start();
    return { manual, ticker, seen };
  };

  it('keeps its pace', () => {
    const { manual, seen } = start();
    manual.run(1_001);
    expect(seen.ticks).toBe(40);
    expect(seen.stalls).toEqual([]);
  });

  it('makes up for small delays', () => {
    const { manual, seen } = start();
    manual.nowMs = 80;
    manual.run(201);
    expect(seen.ticks).toBe(8);
  });

  it('counts a stall as one tick, after what was read meanwhile', () => {
    const { manual, seen } = start();
    manual.nowMs = 5_000;
    manual.fire();
    expect(seen).toEqual({ ticks: 0, stalls: [4_975] });
    manual.fire();
    expect(seen.ticks).toBe(1);
    manual.fire();
    expect(seen.ticks).toBe(1);
    manual.run(5_101);
    expect(seen.ticks).toBe(5);
  });

  it('goes on ticking even when every tick is held up', () => {
    const { manual, seen } = start();
    for (let i = 0; i < 20; i += 1) {
      manual.nowMs += 500;
      manual.fire();
    }
    expect(seen.ticks).toBeGreaterThanOrEqual(5);
  });

  it('tells of a second stall while a tick waits for what came in the first', () => {
    const { manual, seen } = start();
    manual.nowMs = 1_000;
    manual.fire();
    manual.nowMs = 2_000;
    manual.fire();
    expect(seen).toEqual({ ticks: 1, stalls: [975, 1_000] });
  });

  it('knows that it is late before its timer fires', () => {
    const { manual, ticker } = start();
    manual.nowMs = 125;
    expect(ticker.isLate).toBe(false);
    manual.nowMs = 126;
    expect(ticker.isLate).toBe(true);
    manual.fire();
    expect(ticker.isLate).toBe(false);
  });

  it('stops', () => {
    const { manual, ticker, seen } = start();
    ticker.stop();
    expect(manual.pending).toBe(0);
    manual.run(200);
    expect(seen.ticks).toBe(0);
  });
});
