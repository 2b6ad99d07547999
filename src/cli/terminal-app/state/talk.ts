import { ParleyError } from '../../../protocol/errors.ts';
import { rowsOf } from '../../../client/conversation-rows.ts';
import { TypingSignal } from '../../../client/typing-signal.ts';
import type { Entry } from '../../../client/timeline.ts';
import type { InboxRoom } from '../../../client/inbox.ts';
import type { PendingMessage } from '../../../client/pending.ts';
import type { RoomDetails } from '../../../client/room-details.ts';
import type { RoomView } from '../../../client/room-view.ts';
import type { Row } from '../../../client/conversation-rows.ts';
import type { RoomKind } from '../../../protocol/commands.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Chat } from './chat.ts';

const ASK_MS_MAX = 15_000;
/** What is on the screen counts as read after so long. */
const READ_AFTER_MS = 350;
/** A message of one's own may stand in the log before its acknowledgement is here; it is looked for so far back. */
const DOUBLES_LOOK_BACK = 20;

/** One conversation on the screen: what is in it, and what somebody does in it. */
export class Talk {
  readonly room: RoomId;
  /** Up to where this was read when it was opened: behind it everything is new. */
  readonly readUntil: number;
  readonly typing: TypingSignal;
  /** The message whose thread alone is shown. */
  thread: number | null = null;
  replyTo: Entry | null = null;
  editing: Entry | null = null;
  readonly #chat: Chat;
  readonly #view: RoomView;
  #peer: string | null = null;
  #details: RoomDetails | null = null;
  #readTimer: NodeJS.Timeout | undefined;
  #opening: Promise<void> | null = null;
  #isClosed = false;

  constructor(chat: Chat, room: RoomId) {
    this.#chat = chat;
    this.room = room;
    const known = chat.live.rooms.get(room);
    this.readUntil = known !== undefined && known.unread > 0 ? known.read : 0;
    this.#view = chat.live.openRoom(room);
    this.typing = new TypingSignal(chat.client, this.target);
  }

  get target(): string {
    return `room:${this.room}`;
  }

  get view(): RoomView {
    return this.#view;
  }

  /** Undefined for a direct room that nobody has written in yet. */
  get known(): InboxRoom | undefined {
    return this.#chat.live.rooms.get(this.room);
  }

  get kind(): RoomKind {
    return this.known?.kind ?? 'direct';
  }

  get title(): string {
    const name = this.known?.name ?? this.#peer;
    if (name === null) return 'unnamed room';
    return this.kind === 'direct' ? `@${name}` : name;
  }

  /** The other in a direct room. */
  get peer(): string | null {
    return this.kind === 'direct' ? (this.known?.name ?? this.#peer) : null;
  }

  get details(): RoomDetails | null {
    return this.#details;
  }

  get pins(): readonly number[] {
    return this.#details?.pins ?? [];
  }

  get pending(): readonly PendingMessage[] {
    const { timeline } = this.#view;
    const all = this.#chat.live.pending;
    const known = new Set(timeline.order.slice(-all.length - DOUBLES_LOOK_BACK).map((seq) => timeline.line(seq)!.id));
    return all.filter(({ room, id }) => room === this.room && !known.has(id));
  }

  rows(): readonly Row[] {
    return rowsOf(this.#view.timeline, {
      own: this.#chat.own,
      pending: this.pending,
      readUntil: this.readUntil,
      thread: this.thread,
      isComplete: !this.#view.hasOlder,
    });
  }

  /** Seqs of the messages that somebody can go to, ascending. */
  selectable(): readonly number[] {
    return this.rows().flatMap((row) => (row.is === 'entry' ? [row.seq] : []));
  }

  /** What it begins with; once, however often it is asked for. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    this.#peer = await this.#chat.client.rooms.peerName(this.room);
    await this.#view.open();
    await this.readDetails();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#readTimer);
    this.typing.stop();
    this.#chat.live.closeRoom(this.#view);
  }

  /** Who is in the room and what is pinned. What nobody can be asked for now stays as it was. */
  async readDetails(): Promise<void> {
    try {
      this.#details = await this.#chat.client.details(this.target);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
    }
  }

  /** @returns whether the message is there */
  async jumpTo(seq: number): Promise<boolean> {
    await this.open();
    this.thread = null;
    return (await this.#view.jumpTo(seq)) && this.#view.timeline.entry(seq) !== undefined;
  }

  older(): void {
    if (this.#view.hasOlder && this.#view.loading === null) void this.#view.older();
  }

  newer(): void {
    if (!this.#view.isAtNewest && this.#view.loading === null) void this.#view.newer();
  }

  /** Everything up to `seq` is on the screen. */
  seen(seq: number): void {
    if (seq <= (this.known?.read ?? 0) || this.#readTimer !== undefined) return;
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined;
      if (!this.#isClosed) void this.#chat.live.markRead(this.room, Math.max(seq, this.#view.timeline.last));
    }, READ_AFTER_MS);
    this.#readTimer.unref();
  }

  /** @returns whether it was taken down */
  async say(text: string): Promise<boolean> {
    const { messages } = this.#chat.client;
    const { editing, replyTo, thread } = this;
    const about = {
      ...(replyTo === null ? {} : { replyTo: replyTo.line.seq }),
      ...(thread === null ? {} : { thread }),
    };
    const isTaken = await this.#chat.post((options) =>
      editing === null
        ? messages.text(this.target, text, { ...options, ...about })
        : messages.edit(this.target, editing.line.seq, text, options),
    );
    if (isTaken) {
      this.replyTo = null;
      this.editing = null;
    }
    return isTaken;
  }

  /** Reacts, or takes one's own reaction back. */
  async react(seq: number, reaction: string): Promise<void> {
    const { client, own } = this.#chat;
    const reactions = this.#view.timeline.entry(seq)?.reactions ?? [];
    const isTakenBack = reactions.some((one) => one.reaction === reaction && one.by.includes(own));
    if (isTakenBack) await this.#chat.ask(() => client.unreact(this.target, seq, reaction, ASK_MS_MAX));
    else await this.#chat.post((options) => client.messages.react(this.target, seq, reaction, options));
  }

  async remove(seq: number): Promise<void> {
    await this.#chat.ask(() => this.#chat.client.messages.delete(this.target, seq, ASK_MS_MAX));
  }

  async pin(seq: number): Promise<void> {
    const { roomAdmin } = this.#chat.client;
    const isPinned = this.pins.includes(seq);
    const isDone = await this.#chat.ask(() =>
      isPinned ? roomAdmin.unpin(this.target, seq, ASK_MS_MAX) : roomAdmin.pin(this.target, seq, ASK_MS_MAX),
    );
    if (isDone) this.#chat.notices.say(isPinned ? `#${seq} is no longer pinned` : `#${seq} is pinned`);
    await this.readDetails();
  }
}
