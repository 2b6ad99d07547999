import type { ParleyError } from '../../protocol/errors.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { Finding } from '../search/finding.svelte.ts';
import { DraftTexts } from './drafts.svelte.ts';
import { Notices } from './notices.svelte.ts';
import { notifyOf } from './notifications.ts';
import { Presences } from './presences.svelte.ts';
import { Typists } from './typists.svelte.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { InboxRoom } from '../../client/inbox.ts';
import type { LiveClient } from '../../client/live-client.ts';
import type { PendingMessage } from '../../client/pending.ts';
import type { MessageLine } from '../../client/reader.ts';
import type { RoomView } from '../../client/room-view.ts';
import type { Happening } from '../../client/server-frames.ts';
import type { SyncState } from '../../client/sync-states.ts';
import type { AccountName, RoomId } from '../../protocol/ids.ts';

/** Resolving somebody who was never met takes a node. */
const RESOLVE_MS_MAX = 15_000;

/** The engine as the screens see it: whatever it shows is read anew after it has changed. */
export class Chat {
  readonly client: ParleyClient;
  readonly notices = new Notices();
  readonly typists = new Typists();
  readonly presences = new Presences();
  readonly drafts = new DraftTexts();
  readonly finding = new Finding();
  #live!: LiveClient;
  #version = $state(0);
  #isChanging = false;
  /** What happened last to a room, a person or this account, for screens that show details. */
  #happened = $state.raw<Happening | null>(null);

  private constructor(client: ParleyClient) {
    this.client = client;
  }

  /** @throws ParleyError `unauthenticated` where nobody is enrolled */
  static async open(client: ParleyClient): Promise<Chat> {
    const chat = new Chat(client);
    chat.#live = await client.live('online', {
      changed: () => chat.#changed(),
      arrived: (lines) => chat.#arrived(lines),
      typing: (typing) => chat.typists.told(typing),
      presence: (people) => chat.presences.told(people),
      happened: (happening) => (chat.#happened = happening),
      refused: (message, reason) => chat.#refused(message, reason),
    });
    await chat.drafts.open(client);
    return chat;
  }

  async run(): Promise<void> {
    addEventListener('online', () => this.#live.network(true));
    addEventListener('offline', () => this.#live.network(false));
    const running = this.#live.run();
    if (!navigator.onLine) this.#live.network(false);
    // A browser that is short of space asks nobody before it clears what it was not asked to keep.
    void navigator.storage.persist();
    await running;
  }

  get live(): LiveClient {
    void this.#version;
    return this.#live;
  }

  /** To act on: reading from it follows no change. */
  get engine(): LiveClient {
    return this.#live;
  }

  get own(): string {
    return this.#live.own.account;
  }

  get state(): SyncState {
    return this.live.state;
  }

  get rooms(): ReadonlyMap<RoomId, InboxRoom> {
    return this.live.rooms;
  }

  get pending(): readonly PendingMessage[] {
    return this.live.pending;
  }

  get happened(): Happening | null {
    return this.#happened;
  }

  /** Read it inside what is to follow the view: it says that the view may have changed. */
  watch(view: RoomView): RoomView {
    void this.#version;
    return view;
  }

  /** Hears how the others in direct rooms are. */
  watchDirects(): void {
    const directs = [...this.#live.rooms.values()].flatMap(({ kind, room, name }) =>
      kind === 'direct' && name !== null ? [{ room, account: name as AccountName }] : [],
    );
    this.#live.signals.watch(directs);
  }

  /** @returns false where it was not even taken down; the reason is shown */
  async post(
    work: (options: { txnId: ReturnType<typeof makeTxnId>; timeoutMs: number; later: true }) => Promise<unknown>,
  ): Promise<boolean> {
    const txnId = makeTxnId(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
    try {
      await work({ txnId, timeoutMs: RESOLVE_MS_MAX, later: true });
    } catch (error) {
      this.notices.failed(error);
      return false;
    }
    this.#live.send();
    return true;
  }

  /** Runs what a node has to do now; a failure is shown. @returns whether it was done */
  async ask(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.notices.failed(error);
      return false;
    }
  }

  #changed(): void {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      this.#version += 1;
    });
  }

  #arrived(lines: readonly MessageLine[]): void {
    for (const line of lines) this.typists.wrote(line.room, line.from);
    notifyOf(lines, { own: this.#live.own.account, rooms: this.#live.rooms });
  }

  #refused(message: PendingMessage, reason: ParleyError): void {
    const { content } = message;
    if (content.type === 'text' || content.type === 'edit') this.drafts.giveBack(message.room, content.text);
    this.notices.failed(reason);
  }
}
