import { ParleyError } from '../../protocol/errors.ts';
import { fileSourceOf, previewOf } from '../files/sending.ts';
import type { Entry } from '../../client/timeline.ts';
import type { RoomDetails } from '../../client/room-details.ts';
import type { RoomView } from '../../client/room-view.ts';
import type { PendingMessage } from '../../client/pending.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { Chat } from '../state/chat.svelte.ts';

const ASK_MS_MAX = 15_000;
const READ_AFTER_MS = 350;

/** A file that is being encrypted into the outbox. */
export interface Preparing {
  readonly name: string;
  readonly share: number;
}

/** One conversation on the screen: what is in it, and what people do in it. */
export class Conversation {
  readonly room: RoomId;
  readonly #chat: Chat;
  readonly #view: RoomView;
  /** Up to where this was read when it was opened: behind it everything is new. */
  readonly readUntil: number;
  /** The thread that is shown beside it. */
  thread = $state<number | null>(null);
  /** Whose profile is shown. */
  profile = $state<string | null>(null);
  replyTo = $state.raw<Entry | null>(null);
  editing = $state.raw<Entry | null>(null);
  /** The message that a link leads to. */
  marked = $state.raw<number | null>(null);
  preparing = $state.raw<readonly Preparing[]>([]);
  /** The other in a direct room that nobody has written in yet. */
  peer = $state<string | null>(null);
  #details = $state.raw<RoomDetails | null>(null);
  #readTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(chat: Chat, room: RoomId) {
    this.#chat = chat;
    this.room = room;
    const known = chat.engine.rooms.get(room);
    this.readUntil = known !== undefined && known.unread > 0 ? known.read : 0;
    this.#view = chat.engine.openRoom(room);
  }

  get target(): string {
    return `room:${this.room}`;
  }

  get view(): RoomView {
    return this.#chat.watch(this.#view);
  }

  get details(): RoomDetails | null {
    return this.#details;
  }

  get pending(): readonly PendingMessage[] {
    const { timeline } = this.view;
    const known = new Set(timeline.order.slice(-this.#chat.pending.length - 20).map((seq) => timeline.line(seq)!.id));
    return this.#chat.pending.filter(({ room, id }) => room === this.room && !known.has(id));
  }

  async open(): Promise<void> {
    this.peer = await this.#chat.client.rooms.peerName(this.room);
    await this.#view.open();
    await this.readDetails();
  }

  close(): void {
    clearTimeout(this.#readTimer);
    this.#chat.engine.closeRoom(this.#view);
  }

  /** What nobody can be asked for now is asked for when something happens here. */
  async readDetails(): Promise<void> {
    try {
      this.#details = await this.#chat.client.details(this.target);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
    }
  }

  async jumpTo(seq: number): Promise<void> {
    if (await this.#view.jumpTo(seq)) this.marked = seq;
  }

  older(): void {
    if (this.#view.hasOlder && this.#view.loading === null) void this.#view.older();
  }

  newer(): void {
    if (!this.#view.isAtNewest && this.#view.loading === null) void this.#view.newer();
  }

  async toNewest(): Promise<void> {
    this.marked = null;
    await this.#view.toNewest();
  }

  /** Somebody looks at it. */
  seen(seq: number): void {
    if (document.hidden) return;
    clearTimeout(this.#readTimer);
    this.#readTimer = setTimeout(() => void this.#chat.engine.markRead(this.room, seq), READ_AFTER_MS);
  }

  /** @returns whether it was taken down */
  async say(text: string, thread: number | null): Promise<boolean> {
    const { messages } = this.#chat.client;
    const { editing, replyTo } = this;
    const about = {
      ...(replyTo === null ? {} : { replyTo: replyTo.line.seq }),
      ...(thread === null ? {} : { thread }),
    };
    const isTaken = await this.#chat.post((options) =>
      editing === null
        ? messages.text(this.target, text, { ...options, ...about })
        : messages.edit(this.target, editing.line.seq, text, options),
    );
    if (isTaken) this.calm();
    return isTaken;
  }

  /** Neither replies nor edits any more. */
  calm(): void {
    this.replyTo = null;
    this.editing = null;
  }

  async react(entry: Entry, reaction: string): Promise<void> {
    const { client, own } = this.#chat;
    const { seq } = entry.line;
    const isTakenBack = entry.reactions.some((one) => one.reaction === reaction && by(one.by, own));
    if (isTakenBack) await this.#chat.ask(() => client.unreact(this.target, seq, reaction, ASK_MS_MAX));
    else await this.#chat.post((options) => client.messages.react(this.target, seq, reaction, options));
  }

  async remove(entry: Entry): Promise<void> {
    await this.#chat.ask(() => this.#chat.client.messages.delete(this.target, entry.line.seq, ASK_MS_MAX));
  }

  async pin(entry: Entry, isPinned: boolean): Promise<void> {
    const { roomAdmin } = this.#chat.client;
    const { seq } = entry.line;
    await this.#chat.ask(() =>
      isPinned ? roomAdmin.unpin(this.target, seq, ASK_MS_MAX) : roomAdmin.pin(this.target, seq, ASK_MS_MAX),
    );
    await this.readDetails();
  }

  /** @throws ParleyError `file_too_large`, `quota_exceeded`, and what keeps it from being taken down */
  async sendFile(file: File): Promise<void> {
    const preview = await previewOf(file);
    const step = (share: number): void => this.#prepare(file.name, share);
    step(0);
    try {
      await this.#chat.post((options) =>
        this.#chat.client.files.send(this.target, fileSourceOf(file), {
          ...options,
          preview,
          onSealed: (readBytes) => step(readBytes / Math.max(1, file.size)),
        }),
      );
    } finally {
      this.preparing = this.preparing.filter(({ name }) => name !== file.name);
    }
  }

  #prepare(name: string, share: number): void {
    this.preparing = [...this.preparing.filter((one) => one.name !== name), { name, share }];
  }
}

const by = (names: readonly string[], name: string): boolean => names.includes(name);
