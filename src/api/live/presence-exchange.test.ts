import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LocalSignals } from '../../testing/local-signals.ts';
import { API_LIMITS } from '../config.ts';
import { PresenceExchange } from './presence-exchange.ts';
import { decodeSignal } from './signal-codec.ts';
import type { AccountId, NodeName } from '../../protocol/ids.ts';

const { presenceBeatMs, presenceExpiryMs, presenceLingerMs, signalsGatherMs } = API_LIMITS;
const account = (n: number): AccountId => {
  const letters = String(n).replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!);
  return `A${letters.padStart(26, 'z')}` as AccountId;
};
const [ann, bob] = [account(1), account(2)];
const START_MS = Date.UTC(2026, 0, 1);

/** A node as far as presence goes. */
class Place {
  readonly signals: LocalSignals;
  exchange: PresenceExchange;
  changes: AccountId[] = [];

  constructor(name: string) {
    this.signals = new LocalSignals(name as NodeName);
    this.exchange = this.#begin();
    this.signals.onSignal((signal) => {
      const message = decodeSignal(signal.payload);
      if (message === undefined || message.kind === 'typing') throw new Error('no word of presence');
      this.exchange.receive(signal, message);
    });
  }

  #begin(): PresenceExchange {
    return new PresenceExchange({
      signals: this.signals,
      limits: API_LIMITS,
      monotonicMs: () => performance.now(),
      wallMs: () => Date.now(),
      onChange: (changed) => this.changes.push(changed),
    });
  }

  restart(): void {
    this.exchange.stop();
    this.signals.boot += 1;
    this.exchange = this.#begin();
    this.exchange.start();
  }

  seen(who: AccountId): string {
    const { status, seenMs } = this.exchange.of(who);
    return seenMs === null ? status : `${status} ${seenMs - START_MS}`;
  }
}

let places: [Place, Place, Place];
beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
  places = [new Place('n1'), new Place('n2'), new Place('n3')];
  LocalSignals.link(...places.map(({ signals }) => signals));
  for (const { exchange } of places) exchange.start();
  vi.advanceTimersByTime(presenceBeatMs);
});
afterEach(() => {
  for (const { exchange } of places) exchange.stop();
  vi.useRealTimers();
});
const everywhere = (who: AccountId): string[] => places.map((place) => place.seen(who));
const nowMs = (): number => Date.now() - START_MS;

it('tells every node who comes and goes, and when those were last seen', () => {
  const feed = places[0].exchange.open(ann, 'online');
  expect(everywhere(ann)).toEqual(['online', 'offline', 'offline']);
  vi.advanceTimersByTime(signalsGatherMs);
  expect(everywhere(ann)).toEqual(['online', 'online', 'online']);
  feed.choose('busy');
  vi.advanceTimersByTime(signalsGatherMs);
  expect(everywhere(ann)).toEqual(['busy', 'busy', 'busy']);
  const leftMs = nowMs();
  feed.close();
  vi.advanceTimersByTime(presenceLingerMs - presenceBeatMs);
  expect(everywhere(ann), 'whoever reconnects soon was never gone').toEqual(['busy', 'busy', 'busy']);
  vi.advanceTimersByTime(2 * presenceBeatMs);
  expect(everywhere(ann)).toEqual(Array(3).fill(`offline ${leftMs}`));
});

it('keeps who moves to another node before the first one forgets, and who has another device there', () => {
  const first = places[0].exchange.open(ann, 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  places[2].changes = [];
  first.close();
  const second = places[1].exchange.open(ann, 'away');
  vi.advanceTimersByTime(10 * presenceBeatMs);
  expect(everywhere(ann)).toEqual(['away', 'away', 'away']);
  const third = places[2].exchange.open(ann, 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  expect(everywhere(ann), 'somebody who is away from one device is at the other').toEqual(Array(3).fill('online'));
  third.close();
  second.close();
  vi.advanceTimersByTime(10 * presenceBeatMs);
  for (const seen of everywhere(ann)) expect(seen).toMatch(/^offline \d+$/);
});

it('learns all that was lost on the way, and nothing twice', () => {
  let drawn = 1;
  const random = (): number => (drawn = (drawn * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (const { signals } of places) signals.loses = () => random() < 0.5;
  const feeds = places.flatMap(({ exchange }, p) =>
    Array.from({ length: 30 }, (_, i) => exchange.open(account(100 * p + i), 'online')),
  );
  for (let round = 0; round < 40; round += 1) {
    const feed = feeds[Math.floor(random() * feeds.length)]!;
    if (random() < 0.2) feed.close();
    else feed.choose((['online', 'away', 'busy', 'invisible'] as const)[Math.floor(random() * 4)]!);
    vi.advanceTimersByTime(signalsGatherMs / 2);
  }
  for (const { signals } of places) signals.loses = () => false;
  vi.advanceTimersByTime(presenceLingerMs + 4 * presenceBeatMs);
  for (let p = 0; p < 3; p += 1) {
    for (let i = 0; i < 30; i += 1) {
      const all = everywhere(account(100 * p + i));
      expect(new Set(all).size, all.join(', ')).toBe(1);
    }
  }
  const statuses = new Set(places[0].changes.map((who) => places[0].exchange.of(who).status));
  expect(statuses.size, 'some of everything').toBeGreaterThan(3);
  for (const place of places) place.changes = [];
  vi.advanceTimersByTime(10 * presenceBeatMs);
  expect(places.flatMap(({ changes }) => changes)).toEqual([]);
});

it('lets those go whose node is silent, and takes them again when it is back', () => {
  places[0].exchange.open(ann, 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  places[0].signals.loses = () => true;
  vi.advanceTimersByTime(presenceExpiryMs - presenceBeatMs);
  expect(places[1].seen(ann)).toBe('online');
  vi.advanceTimersByTime(3 * presenceBeatMs);
  expect(places[1].seen(ann)).toMatch(/^offline \d+$/);
  places[0].signals.loses = () => false;
  vi.advanceTimersByTime(2 * presenceBeatMs);
  expect(everywhere(ann)).toEqual(['online', 'online', 'online']);
});

it('knows of all feeds as soon as it starts, so that who is hidden stays hidden', () => {
  places[0].exchange.open(ann, 'invisible');
  vi.advanceTimersByTime(presenceBeatMs);
  places[1].restart();
  places[1].exchange.open(ann, 'online');
  expect(places[1].exchange.of(ann).status).toBe('invisible');
});

it('forgets who was on a node that was started again', () => {
  places[0].exchange.open(ann, 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  places[0].restart();
  vi.advanceTimersByTime(presenceBeatMs);
  expect(places[1].seen(ann)).toMatch(/^offline \d+$/);
  places[0].exchange.open(bob, 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  expect(everywhere(bob)).toEqual(['online', 'online', 'online']);
});

it('hides the invisible on all their devices, and does not tell when they were there', () => {
  places[0].exchange.open(ann, 'online');
  vi.advanceTimersByTime(presenceBeatMs);
  places[1].exchange.open(bob, 'invisible');
  const laptop = places[1].exchange.open(ann, 'invisible');
  vi.advanceTimersByTime(signalsGatherMs);
  expect(everywhere(bob)).toEqual(['invisible', 'invisible', 'invisible']);
  expect(everywhere(ann)).toEqual(['invisible', 'invisible', 'invisible']);
  laptop.choose('online');
  vi.advanceTimersByTime(signalsGatherMs);
  laptop.choose('invisible');
  const hiddenMs = nowMs();
  vi.advanceTimersByTime(3 * presenceBeatMs);
  expect(everywhere(ann)).toEqual(Array(3).fill(`invisible ${hiddenMs}`));
  laptop.close();
  vi.advanceTimersByTime(presenceLingerMs + 2 * presenceBeatMs);
  expect(places[2].exchange.of(bob).seenMs).toBeNull();
  expect(places[2].seen(ann), 'the first device was there all the time').toBe('online');
});

it('says in few frames what many do at once', () => {
  const before = places[0].signals.sent;
  for (let i = 0; i < 5_000; i += 1) places[0].exchange.open(account(i), 'online');
  vi.advanceTimersByTime(signalsGatherMs);
  expect(places[0].signals.sent - before).toBeLessThanOrEqual(2);
  expect(places[2].seen(account(4_999))).toBe('online');
});

it('does not read what is no signal', () => {
  for (const payload of [[], [0xc1], [0x92, 1, 2], [0xff, 0, 0, 0]]) {
    expect(decodeSignal(Uint8Array.from(payload))).toBeUndefined();
  }
});
