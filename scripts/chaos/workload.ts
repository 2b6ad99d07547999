import { setTimeout as delay } from 'node:timers/promises';
import { Writer } from './writer.ts';
import { createPerson, openDirectRoom, tokenOf } from '../load/person.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import type { HistoryRecorder } from './history.ts';
import type { Person } from '../load/person.ts';
import type { ClusterLayout, NodePlace } from '../../src/cli/local-cluster/layout.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

const PAIRS = 3;
const READ_EVERY_MS = 150;
const READS_OUTSTANDING_MAX = 20;
const READ_MS_MAX = 60_000;

export interface Conversation {
  readonly people: readonly [Person, Person];
  readonly room: RoomDetailJson;
}

export async function startConversations({ nodes }: ClusterLayout): Promise<Conversation[]> {
  const urls = nodes.map(apiUrl);
  return Promise.all(
    Array.from({ length: PAIRS }, async (_, pair): Promise<Conversation> => {
      const [first, second] = [urls[pair % urls.length]!, urls[(pair + 1) % urls.length]!];
      const people = [
        await createPerson(first, `writer${pair}a`),
        await createPerson(second, `writer${pair}b`),
      ] as const;
      return { people, room: await openDirectRoom(first, ...people) };
    }),
  );
}

/** Every node has clients of its own; both people of a conversation write. */
export function makeWriters(
  { nodes }: ClusterLayout,
  conversations: readonly Conversation[],
  history: HistoryRecorder,
): Writer[] {
  const places = nodes.map((place) => ({ name: place.name, url: apiUrl(place) }));
  return conversations.flatMap(({ people, room }, pair) =>
    people.map((person, side) => new Writer(person, room, places, pair + side, history)),
  );
}

/** Linearizable reads at a steady pace from every node, whatever became of the ones before. */
export class Readers {
  readonly #layout: ClusterLayout;
  readonly #conversations: readonly Conversation[];
  readonly #history: HistoryRecorder;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];

  constructor(layout: ClusterLayout, conversations: readonly Conversation[], history: HistoryRecorder) {
    this.#layout = layout;
    this.#conversations = conversations;
    this.#history = history;
    this.#running = this.#layout.nodes.map((place) => this.#pace(place));
  }

  /** No new reads; resolves when every made one is answered or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #pace(place: NodePlace): Promise<void> {
    const outstanding = new Set<Promise<void>>();
    for (let turn = 0; !this.#stopping.signal.aborted; turn++) {
      await delay(READ_EVERY_MS);
      if (outstanding.size >= READS_OUTSTANDING_MAX) continue;
      const read = this.#read(place, this.#conversations[turn % this.#conversations.length]!);
      outstanding.add(read);
      void read.finally(() => outstanding.delete(read));
    }
    await Promise.all(outstanding);
  }

  async #read(place: NodePlace, { people, room }: Conversation): Promise<void> {
    const history = this.#history;
    const [op, node] = [history.nextOp(), place.name];
    history.add({ type: 'invoke', t: history.now(), op, call: { kind: 'read', room: room.room }, node });
    try {
      const path = `/v1/rooms/${room.room}/messages?limit=1&consistency=linearizable`;
      const response = await fetch(apiUrl(place) + path, {
        headers: { authorization: `Bearer ${await tokenOf(apiUrl(place), people[0])}` },
        signal: AbortSignal.timeout(READ_MS_MAX),
      });
      const body = (await response.json()) as { lastSeq?: number; code?: string };
      const t = history.now();
      if (response.ok) history.add({ type: 'ok', t, op, node, seq: body.lastSeq! });
      else history.add({ type: 'fail', t, op, node, code: body.code ?? String(response.status) });
    } catch {
      history.add({ type: 'fail', t: history.now(), op, node, code: 'unreachable' });
    }
  }
}
