import { describe, expect, it } from 'vitest';
import { LeaderTime } from './leader-time.ts';
import type { AppliedEvents } from '../node/ports.ts';
import type { StampMs } from '../protocol/ids.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_800_000_000_000;

/** A node's time, by hand. */
class Hands {
  stampMs = START_MS as StampMs;
  wallMs = START_MS;
  monotonicMs = 5;
  listener: (applied: AppliedEvents) => void = () => undefined;
  readonly time = this.create();

  create(): LeaderTime {
    const node = {
      reader: null,
      stampMs: START_MS as StampMs,
      onApplied: (listener: (applied: AppliedEvents) => void) => {
        this.listener = listener;
        return () => undefined;
      },
    };
    Object.defineProperty(node, 'stampMs', { get: () => this.stampMs });
    return new LeaderTime(node, { wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs });
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  apply(stampMs: number, withEvents = false): void {
    this.stampMs = stampMs as StampMs;
    if (withEvents) this.listener({ index: 1, stampMs: this.stampMs, events: [] });
  }
}

describe('leader time', () => {
  it('goes on when nothing is applied, so that tokens end in an idle cluster', () => {
    const hands = new Hands();
    hands.pass(HOUR_MS);
    expect(hands.time.nowMs()).toBe(START_MS + HOUR_MS);
  });

  it('follows the leader and not the wall clock of this node', () => {
    const hands = new Hands();
    hands.wallMs += HOUR_MS;
    hands.apply(START_MS + 10);
    expect(hands.time.nowMs()).toBe(START_MS + 10);
    hands.pass(100);
    expect(hands.time.nowMs()).toBe(START_MS + 110);
  });

  it('counts the time that the node was down', () => {
    const hands = new Hands();
    hands.wallMs += HOUR_MS;
    expect(hands.create().nowMs()).toBe(START_MS + HOUR_MS);
  });

  it('is corrected by one applied stamp after a start with a wrong wall clock', () => {
    const hands = new Hands();
    hands.wallMs += 24 * HOUR_MS;
    const time = hands.create();
    expect(time.nowMs()).toBe(START_MS + 24 * HOUR_MS);
    hands.apply(START_MS + 50);
    expect(time.nowMs()).toBe(START_MS + 50);
  });

  it('does not run ahead of a leader that repeats its stamp until its clock has caught up', () => {
    const hands = new Hands();
    hands.time.start();
    hands.pass(HOUR_MS);
    hands.apply(START_MS, true);
    expect(hands.time.nowMs()).toBe(START_MS);
    hands.time.stop();
  });
});
