import { orderedRooms } from '../../../client/room-order.ts';
import { Composer } from './composer.ts';
import { FileTransfer } from './file-transfer.ts';
import { Talk } from './talk.ts';
import type { InboxRoom } from '../../../client/inbox.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Anchor } from '../view/feed-window.ts';
import type { Chat } from './chat.ts';
import type { Sheet } from './sheet.ts';

const ASK_MS_MAX = 20_000;
/** That another node has taken over is said for so long. */
const MOVED_MS = 4_000;

/** Everything that is on the screen, and where on it somebody is. Whatever changes it says `changed`. */
export class Desk {
  readonly chat: Chat;
  readonly composer: Composer;
  readonly files: FileTransfer;
  readonly #changed: () => void;
  talk: Talk | null = null;
  /** Over the conversation, while there is one. */
  sheet: Sheet | null = null;
  /** The message somebody has gone to; null while they write. */
  selected: number | null = null;
  /** Where the conversation is scrolled to. */
  anchor: Anchor | null = null;
  /** The message that goes when the same key is pressed again. */
  removing: number | null = null;
  #hasMoved = false;
  #endpoint: string | null = null;

  constructor(chat: Chat, changed: () => void) {
    this.chat = chat;
    this.#changed = changed;
    this.files = new FileTransfer(chat);
    this.composer = new Composer({ changed: (text) => this.#typed(text) });
  }

  /** In the order of the list. */
  get rooms(): readonly InboxRoom[] {
    return orderedRooms(this.chat.live.rooms.values());
  }

  /** Whether another node than before has taken over a moment ago. */
  get hasMoved(): boolean {
    return this.#hasMoved;
  }

  /** Those who may be mentioned here. */
  get names(): readonly string[] {
    const { talk } = this;
    if (talk === null) return [];
    const members = talk.details?.members.map(({ account }) => account) ?? [];
    const authors = talk.view.timeline.order.slice(-100).map((seq) => talk.view.timeline.line(seq)!.from as string);
    const others = talk.peer === null ? [] : [talk.peer];
    return [...members, ...authors, ...others].filter((name) => name !== this.chat.own);
  }

  /** To be called before each frame. */
  noteNode(): void {
    const { endpoint, state } = this.chat.live;
    if (state !== 'live' || endpoint === null || endpoint === this.#endpoint) return;
    this.#hasMoved = this.#endpoint !== null;
    this.#endpoint = endpoint;
    const timer = setTimeout(() => {
      this.#hasMoved = false;
      this.#changed();
    }, MOVED_MS);
    timer.unref();
  }

  openRoom(room: RoomId): void {
    this.closeSheet();
    if (this.talk?.room === room) return;
    const isFirst = this.talk === null;
    this.talk?.close();
    const talk = new Talk(this.chat, room);
    this.talk = talk;
    this.toWriting();
    // What was typed before anything was open is not lost.
    const typed = isFirst ? this.composer.field.text : '';
    this.composer.show(this.chat.drafts.draft(room) + typed);
    this.#changed();
    void this.chat.ask(() => talk.open());
  }

  /** Goes to one message, wherever it is. */
  async jumpTo(room: RoomId, seq: number): Promise<void> {
    this.openRoom(room);
    const { talk } = this;
    await this.chat.ask(async () => {
      if (talk === null || !(await talk.jumpTo(seq)) || this.talk !== talk) return;
      this.selected = seq;
      this.anchor = { key: talk.view.timeline.line(seq)!.id, line: Number.MAX_SAFE_INTEGER };
    });
  }

  /** `@name`, a room's name, or `room:ID`. */
  async openTarget(target: string): Promise<void> {
    await this.chat.ask(async () => this.openRoom((await this.chat.client.rooms.resolve(target, ASK_MS_MAX)).room));
  }

  async joinOpenRoom(room: RoomId): Promise<void> {
    await this.joined(() => this.chat.client.openRooms.join(`room:${room}`));
  }

  /** Opens the room that one gets into. */
  async joined(work: () => Promise<RoomId>): Promise<void> {
    await this.chat.ask(async () => {
      const room = await work();
      await this.chat.live.refreshRooms();
      this.openRoom(room);
    });
  }

  /** Nothing is open any more: one has left. */
  closeTalk(): void {
    this.talk?.close();
    this.talk = null;
    this.composer.show('');
    this.toWriting();
  }

  stepRoom(by: -1 | 1): void {
    const { rooms } = this;
    const now = rooms.findIndex(({ room }) => room === this.talk?.room);
    const next = now === -1 ? rooms[0] : rooms[(now + by + rooms.length) % rooms.length];
    if (next !== undefined) this.openRoom(next.room);
  }

  nextUnread(): void {
    const next = this.rooms.find(({ room, unread }) => unread > 0 && room !== this.talk?.room);
    if (next === undefined) this.chat.notices.say('Nothing else is unread.');
    else this.openRoom(next.room);
  }

  showSheet(sheet: Sheet): void {
    this.closeSheet();
    this.sheet = sheet;
  }

  closeSheet(): void {
    this.sheet?.close();
    this.sheet = null;
  }

  toWriting(): void {
    this.selected = null;
    this.removing = null;
    this.anchor = null;
  }

  /** To the newest message of those on the screen. */
  selectNewest(): void {
    this.selected = this.talk?.selectable().at(-1) ?? null;
  }

  /** What was being written before is there again. */
  endEditing(talk: Talk): void {
    talk.editing = null;
    this.composer.show(this.chat.drafts.draft(talk.room));
  }

  /** A text that was not sent goes back to where it was typed. */
  giveBack(room: RoomId, text: string): void {
    const draft = this.chat.drafts.draft(room);
    const both = draft === '' ? text : `${text}\n${draft}`;
    this.chat.drafts.keep(room, both);
    if (this.talk?.room === room) this.composer.show(both);
  }

  /** Only what is meant for others is a draft, and shows that one is writing. */
  #typed(text: string): void {
    const { talk } = this;
    if (talk === null) return;
    if (talk.editing === null) this.chat.drafts.keep(talk.room, text);
    talk.typing.typed(text !== '' && !text.startsWith('/'));
  }
}
