import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChatHarness, TEST_CLUSTER } from '../testing/chat-harness.ts';
import { ChatHistory, steps } from '../testing/chat-history.ts';
import { MapStateView } from '../testing/map-state-view.ts';
import { createApplyContext } from './apply-context.ts';
import { applyBatch } from './apply.ts';
import { messagesPage } from './queries-messages.ts';
import { eventsSince } from './queries-events.ts';
import { startOfEntry } from './queries-cursor.ts';
import { audienceOf, roomDetail } from './queries-rooms.ts';
import type { CommandResult } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { Position } from './queries-cursor.ts';

const RUNS = { numRuns: 40 };
const rooms = (history: ChatHistory) =>
  [...history.model.rooms.entries()] as unknown as [RoomId, { members: Member[]; messages: string[] }][];
type Member = { readonly account: AccountId; readonly joinedSeq: number };

/** What the model says of a result, in its own words. */
function wordsOf(result: CommandResult): string {
  if (!result.ok) return result.code;
  const value = result.value as Record<string, unknown>;
  if ('seq' in value) return `${String(value['room'])} ${String(value['seq'])}`;
  if ('added' in value) return (value['added'] as string[]).join();
  if ('removed' in value) return 'swept';
  if ('account' in value) return `${String(value['account'])} ${String(value['device'])}`;
  if ('session' in value) {
    return 'expiresAt' in value
      ? `${String(value['session'])} ${String(value['expiresAt'])}`
      : String(value['session']);
  }
  if ('device' in value) {
    return 'expiresAt' in value ? `${String(value['device'])} ${String(value['expiresAt'])}` : String(value['device']);
  }
  return String(value['room']);
}

it('decides every random history as the model does', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (random) => {
      const history = new ChatHistory();
      await history.play(random);
      const real = history.results.map((result) => wordsOf(result.real));
      const model = history.results.map(({ model: verdict }) => (verdict.ok ? verdict.what : verdict.code));
      expect(real).toEqual(model);
    }),
    RUNS,
  );
});

it('numbers every accepted message once, without gaps, and shows members what they may read', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (random) => {
      const history = new ChatHistory();
      await history.play(random);
      for (const [room, { members, messages }] of rooms(history)) {
        for (const { account, joinedSeq } of members) {
          const page = await messagesPage(history.chat.view, { account, room, after: 0, limit: 500 });
          expect(page!.messages.map(({ seq, id }) => `${seq} ${id}`)).toEqual(
            messages.map((id, i) => `${i + 1} ${id}`).slice(joinedSeq - 1),
          );
        }
      }
      const seen = history.chat.events.flatMap(({ event }) =>
        event.kind === 'message' ? `${event.room} ${event.id}` : [],
      );
      expect(new Set(seen).size).toBe(seen.length);
    }),
    RUNS,
  );
});

it('gives the same rows, results and events on every replica, with or without a memory of rosters', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (random) => {
      const history = new ChatHistory();
      await history.play(random);
      const replica = new MapStateView();
      const results: CommandResult[] = [];
      const events: PlacedEvent[] = [];
      const { verifyDeviceRecord } = new ChatHarness().context;
      for (const [i, { stampMs, commands }] of history.entries.entries()) {
        const forgetful = createApplyContext(TEST_CLUSTER, { verifyDeviceRecord });
        const outcome = applyBatch(replica, { index: i + 1, stampMs, commands }, forgetful);
        results.push(...outcome.results);
        events.push(...outcome.events);
      }
      expect(replica.dump()).toBe(history.chat.view.dump());
      expect(results).toEqual(history.results.map(({ real }) => real));
      expect(events).toEqual(history.chat.events);
    }),
    RUNS,
  );
});

it('raises the roster version exactly with every change of members or their devices', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (random) => {
      const history = new ChatHistory();
      const last = new Map<RoomId, { version: number; changes: number }>();
      const wrong: string[] = [];
      const check = () => {
        for (const [room, { members }] of rooms(history)) {
          const [member] = members;
          if (member === undefined) continue;
          const version = roomDetail(history.chat.view, member.account, room)!.rosterVersion;
          const changes = history.model.rosterChanges.get(room) ?? 0;
          const before = last.get(room);
          const isRight =
            before === undefined || Math.sign(changes - before.changes) === Math.sign(version - before.version);
          if (!isRight) wrong.push(`${room}: ${before.version} to ${version}, ${changes - before.changes} changes`);
          last.set(room, { version, changes });
        }
      };
      const commit = history.commit.bind(history);
      history.commit = () => {
        commit();
        check();
      };
      await history.play(random);
      expect(wrong).toEqual([]);
    }),
    RUNS,
  );
});

it('replays to whoever resumes exactly what followed, from any place and in pages of any size', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), fc.integer({ min: 1, max: 40 }), async (random, cut, limit) => {
      const history = new ChatHistory();
      await history.play(random);
      const { view, events } = history.chat;
      const cutAt = events[cut % (events.length + 1)];
      const after: Position = cutAt === undefined ? startOfEntry(0) : { index: cutAt.index, order: cutAt.order };
      for (const account of history.model.keys.keys() as Iterable<AccountId>) {
        const expected: PlacedEvent[] = [];
        for (const placed of events.slice(cutAt === undefined ? 0 : events.indexOf(cutAt) + 1)) {
          const audience = await audienceOf(view, placed);
          if (audience.includes(account)) expected.push(placed);
        }
        expect(await replay(view, account, after, limit)).toEqual(plain(expected));
      }
    }),
    RUNS,
  );
});

async function replay(view: MapStateView, account: AccountId, from: Position, limit: number): Promise<unknown[]> {
  const found: PlacedEvent[] = [];
  let after = from;
  for (;;) {
    const page = await eventsSince(view, { account, after, limit });
    if (!page.recovered) throw new Error('Nothing was dropped, but the replay says so.');
    expect(page.events.length).toBeLessThanOrEqual(limit);
    found.push(...page.events);
    after = page.next;
    if (page.done) return plain(found);
  }
}

/** Bytes compare by value, whatever class holds them. */
const plain = (events: readonly PlacedEvent[]): unknown[] =>
  events.map((placed) =>
    placed.event.kind === 'message'
      ? { ...placed, event: { ...placed.event, envelope: Buffer.from(placed.event.envelope).toString('hex') } }
      : placed,
  );
