import type { TestClient } from './test-client.ts';
import { waitUntil } from '../wait-until.ts';
import type { LiveClient } from '../../client/live-client.ts';
import type { ParleyError } from '../../protocol/errors.ts';
import type { PendingMessage } from '../../client/pending.ts';
import type { MessageLine } from '../../client/reader.ts';
import type { RoomView } from '../../client/room-view.ts';
import type { RoomId } from '../../protocol/ids.ts';

const MS_MAX = 10_000;

/** Somebody with an app open: what it shows, and every change of it. */
export class LivePerson {
  readonly person: TestClient;
  readonly arrived: MessageLine[] = [];
  readonly refused: { readonly message: PendingMessage; readonly reason: ParleyError }[] = [];
  /** Told after every change. */
  changed: () => void = () => {};
  #live!: LiveClient;
  #running: Promise<void> = Promise.resolve();

  private constructor(person: TestClient) {
    this.person = person;
  }

  /** @returns once a node is heard of and the rooms are listed */
  static async open(person: TestClient): Promise<LivePerson> {
    const app = new LivePerson(person);
    app.#live = await person.client.live('online', {
      changed: () => app.changed(),
      arrived: (lines) => app.arrived.push(...lines),
      typing: () => {},
      presence: () => {},
      happened: () => {},
      refused: (message, reason) => app.refused.push({ message, reason }),
    });
    app.#running = app.#live.run();
    await waitUntil(() => app.#live.state === 'live' && app.#live.isListed, MS_MAX, 'the app to be live');
    return app;
  }

  get live(): LiveClient {
    return this.#live;
  }

  /** Opens a conversation, and waits until it is read. */
  async look(room: RoomId): Promise<RoomView> {
    const view = this.#live.openRoom(room);
    await view.open();
    return view;
  }

  /** Writes as a screen does: into the outbox, which then sends it. */
  async write(target: string, text: string): Promise<void> {
    await this.person.client.send(target, text, { timeoutMs: MS_MAX, later: true });
    this.#live.send();
  }

  async close(): Promise<void> {
    this.#live.stop();
    await this.#running;
  }
}

/** What stands in a view, its own unsent messages behind it: what a person sees of it. */
export function shownIn(live: LiveClient, view: RoomView): readonly string[] {
  const { timeline } = view;
  const lines = timeline.order.map((seq) => timeline.line(seq)!);
  const known = new Set(lines.map(({ id }) => id));
  const waiting = live.pending.filter(({ room, id }) => room === view.room && !known.has(id));
  return [
    ...lines.map(({ text }) => text ?? ''),
    ...waiting.map(({ content }) => ('text' in content ? (content.text ?? '') : '')),
  ];
}
