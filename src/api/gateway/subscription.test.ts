import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { comparePositions, endOfEntry, startOfEntry } from '../../chat/queries-cursor.ts';
import { EventFrame } from './event-frame.ts';
import { Subscription } from './subscription.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { clusterIdOf } from '../../protocol/derive-ids.ts';
import type { FeedSink } from './subscription.ts';
import type { Position } from '../../chat/queries-cursor.ts';
import type { EventsPage } from '../../chat/queries-events.ts';
import type { PlacedEvent } from '../../protocol/events.ts';
import type { ParleyError } from '../../protocol/errors.ts';

const cluster = clusterIdOf(new Uint8Array(16));
const frameOf = (placed: PlacedEvent): EventFrame => new EventFrame(placed, cluster, () => 'x' as never);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Sink implements FeedSink {
  readonly got: Position[] = [];
  opened = (start: { recovered: boolean }): void => void (this.recovered = start.recovered);
  recovered: boolean | null = null;
  ended: ParleyError | null = null;
  room = true;

  pass(): void {}

  deliver({ placed: { index, order } }: EventFrame): void {
    this.got.push({ index, order });
  }
  hasRoom(): boolean {
    return this.room;
  }
  async drained(): Promise<void> {
    while (!this.room) await turn();
  }
  end(error: ParleyError): void {
    this.ended = error;
  }
}

/** A log whose entries are applied and offered by hand, and a reader who takes its time. */
class Log {
  readonly events: PlacedEvent[] = [];
  applied = 0;
  offered: Position = endOfEntry(0);
  recovered = true;
  /** Applied, and waiting to be offered. */
  readonly held: PlacedEvent[][] = [];
  readonly sink = new Sink();
  readonly subscription: Subscription;

  constructor(from: Position, waitingMax: number, delay: () => number) {
    this.subscription = new Subscription(
      { session: null as never, sink: this.sink, from },
      {
        loaded: async () => turn(),
        readPage: async (after) => {
          const page = this.#pageAfter(after);
          for (let turns = delay(); turns > 0; turns--) await turn();
          return page;
        },
        frameOf,
        offered: () => this.offered,
        waitingMax,
      },
      () => undefined,
    );
  }

  apply(count: number): PlacedEvent[] {
    this.applied += 1;
    const entry = Array.from({ length: count }, (_, order) => ({ index: this.applied, order, event: null as never }));
    this.events.push(...entry);
    return entry;
  }

  offer(entry: readonly PlacedEvent[]): void {
    for (const placed of entry) {
      this.offered = placed;
      this.subscription.offer(frameOf(placed));
    }
    this.offered = endOfEntry(entry.at(-1)?.index ?? this.applied);
  }

  offerHeld(): void {
    for (const entry of this.held.splice(0)) this.offer(entry);
  }

  #pageAfter(after: Position): EventsPage {
    const next = endOfEntry(this.applied);
    if (!this.recovered) return { recovered: false, next };
    const events = this.events.filter((placed) => comparePositions(placed, after) > 0).slice(0, 3);
    const done = events.length < 3;
    return { recovered: true, events, done, next: done ? next : events.at(-1)! };
  }
}

type Step = { readonly entry: number } | 'wait' | 'snapshot' | 'block' | 'unblock' | 'hold' | 'catch up';
const step = fc.oneof<fc.Arbitrary<Step>[]>(
  { weight: 8, arbitrary: fc.record({ entry: fc.integer({ min: 0, max: 3 }) }) } as never,
  { weight: 4, arbitrary: fc.constant('wait') } as never,
  { weight: 1, arbitrary: fc.constant('snapshot') } as never,
  { weight: 1, arbitrary: fc.constant('block') } as never,
  { weight: 1, arbitrary: fc.constant('unblock') } as never,
  { weight: 3, arbitrary: fc.constant('hold') } as never,
  { weight: 2, arbitrary: fc.constant('catch up') } as never,
);

describe('a subscription', () => {
  it('delivers every event after its place once and in order, whatever happens while it reads', async () => {
    const run = fc.asyncProperty(
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: -1, max: 2 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }),
      fc.array(step, { maxLength: 40 }),
      async (index, order, waitingMax, delays, steps) => {
        let delay = 0;
        let holding = false;
        const log = new Log({ index, order }, waitingMax, () => delays[delay++ % delays.length]!);
        for (let i = 0; i < 6; i++) log.offer(log.apply(2));
        log.subscription.catchUp();
        for (const next of steps) {
          if (next === 'wait') await turn();
          else if (next === 'block' || next === 'unblock') log.sink.room = next === 'unblock';
          else if (next === 'hold') holding = true;
          else if (next === 'catch up') {
            holding = false;
            log.offerHeld();
          } else if (next === 'snapshot') {
            log.held.length = 0;
            log.apply(2);
            log.subscription.detach();
            log.offered = endOfEntry(log.applied);
            log.subscription.catchUp();
          } else if (holding) log.held.push(log.apply(next.entry));
          else log.offer(log.apply(next.entry));
        }
        log.sink.room = true;
        for (let i = 0; i < 20; i++) await turn();
        log.offerHeld();
        const expected = log.events.filter((placed) => comparePositions(placed, { index, order }) > 0);
        await waitUntil(() => log.sink.got.length >= expected.length, 5_000, 'all events');
        await turn();
        const last = log.apply(1);
        log.offer(last);
        for (let i = 0; i < 20; i++) await turn();
        const all = [...expected, ...last].map((placed) => ({ index: placed.index, order: placed.order }));
        expect(log.sink.got).toEqual(all);
        expect(log.sink.recovered).toBe(true);
      },
    );
    await fc.assert(run, { numRuns: 300 });
  });

  it('delivers nothing again that is offered late', async () => {
    const log = new Log(startOfEntry(1), 10, () => 0);
    const late = log.apply(2);
    log.subscription.catchUp();
    await waitUntil(() => log.sink.got.length === 2);
    await turn();
    log.offer(late);
    log.offer(log.apply(1));
    expect(log.sink.got).toEqual([
      { index: 1, order: 0 },
      { index: 1, order: 1 },
      { index: 2, order: 0 },
    ]);
  });

  it('says when what was missed is gone, and goes on from now', async () => {
    const log = new Log(startOfEntry(1), 10, () => 0);
    log.recovered = false;
    log.offer(log.apply(2));
    log.subscription.catchUp();
    await waitUntil(() => log.sink.recovered !== null);
    await turn();
    log.offer(log.apply(1));
    expect(log.sink.recovered).toBe(false);
    expect(log.sink.got).toEqual([{ index: 2, order: 0 }]);
  });

  it('ends when events are gone that it had promised', async () => {
    const log = new Log(endOfEntry(0), 10, () => 0);
    log.subscription.catchUp();
    await waitUntil(() => log.sink.recovered === true);
    log.recovered = false;
    log.subscription.catchUp();
    await waitUntil(() => log.sink.ended !== null);
    expect(log.sink.ended?.code).toBe('slow_consumer');
  });
});
