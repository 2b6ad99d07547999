import { ParleyError } from '../protocol/errors.ts';
import { Archive } from './archive.ts';
import { ArrivingMessages } from './arriving.ts';
import { Feed } from './feed.ts';
import { Inbox } from './inbox.ts';
import { LiveSignals } from './live-signals.ts';
import { OutboxPump } from './outbox-pump.ts';
import { marksIn } from './receipts.ts';
import { RoomHistory } from './room-history.ts';
import { RoomView } from './room-view.ts';
import { SearchKeeper } from './search/search-keeper.ts';
import { KEY, pack, unpack } from './rows.ts';
import { nextSyncState } from './sync-states.ts';
import type { PresenceChoiceT, PersonPresenceJson } from '../protocol/http/presence.ts';
import type { TypingFrameJson } from '../protocol/http/frames.ts';
import type { AccountName, DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { InboxRoom } from './inbox.ts';
import type { Outbox, Sent } from './outbox.ts';
import type { PendingMessage } from './pending.ts';
import type { MessageLine, Reader } from './reader.ts';
import type { RoomAdmin } from './room-admin.ts';
import type { Rooms } from './rooms.ts';
import type { MessageSearch } from './search/message-search.ts';
import type { Searchable } from './search/search-keeper.ts';
import type { Happening } from './server-frames.ts';
import type { SyncEvent, SyncState } from './sync-states.ts';

const LIST_MS_MAX = 20_000;
const READ_MS_MAX = 15_000;
/** Happenings that change the list of rooms and come together cost one question. */
const GATHER_MS = 250;
/** Of each room so much is kept although nobody has opened it, for the list and for when no node answers; */
const KEPT_LINES = 30;
/** and of so many rooms at a time. */
const KEPT_ROOMS_MAX = 100;

const CHANGES_LIST: ReadonlySet<Happening['kind']> = new Set<Happening['kind']>([
  'room-created',
  'members-added',
  'member-removed',
  'member-changed',
  'room-archived',
  'room-ttl',
  'room-meta',
]);

export interface LiveListener {
  /** Anything that `LiveClient` shows is not as it was. */
  changed(): void;
  /** Messages came live, of one room. */
  arrived(lines: readonly MessageLine[]): void;
  typing(typing: TypingFrameJson): void;
  presence(people: readonly PersonPresenceJson[]): void;
  /** For what concerns one screen: members, pins, devices, profiles. */
  happened(happening: Happening): void;
  /** It can never be sent as it is. */
  refused(message: PendingMessage, reason: ParleyError): void;
}

export interface LiveParts {
  readonly rooms: Rooms;
  readonly roomAdmin: RoomAdmin;
  readonly outbox: Outbox;
  readonly reader: Reader;
  readonly search: MessageSearch;
}

export interface Upload {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** How far this device stands with its cluster, and what of it people see. */
export class LiveClient {
  readonly signals: LiveSignals;
  readonly own: { readonly account: AccountName; readonly device: DeviceId };
  readonly #context: ClientContext;
  readonly #parts: LiveParts;
  readonly #listener: LiveListener;
  readonly #archive: Archive;
  readonly #history: RoomHistory;
  readonly #pump: OutboxPump;
  readonly #searchable: SearchKeeper;
  readonly #stop = new AbortController();
  readonly #views = new Map<RoomId, RoomView>();
  readonly #arriving = new ArrivingMessages();
  /** The last seq that came live, by room. */
  readonly #heard = new Map<RoomId, number>();
  readonly #inbox: Inbox;
  #state: SyncState = 'idle';
  #endpoint: string | null = null;
  #ended: ParleyError | null = null;
  #pending: readonly PendingMessage[] = [];
  #stuck: ParleyError | null = null;
  #uploads: ReadonlyMap<TxnId, Upload> = new Map();
  #isListed = false;
  #listing: 'no' | 'waits' | 'runs' | 'runsAgain' = 'no';

  private constructor(
    context: ClientContext,
    parts: LiveParts,
    { own, inbox, presence }: { own: LiveClient['own']; inbox: Inbox; presence: PresenceChoiceT },
    listener: LiveListener,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#listener = listener;
    this.own = own;
    this.#inbox = inbox;
    this.signals = new LiveSignals(presence);
    this.#archive = new Archive(context.platform.store);
    this.#history = new RoomHistory(context, { reader: parts.reader, archive: this.#archive });
    this.#searchable = new SearchKeeper(parts.search, {
      platform: context.platform,
      signal: this.#stop.signal,
      rooms: () => [...this.#inbox.rooms.values()],
      changed: () => listener.changed(),
    });
    this.#pump = new OutboxPump(parts.outbox, context.platform, own.device, {
      waiting: (pending) => this.#change(() => (this.#pending = pending)),
      sent: (message, sent) => this.#sent(message, sent),
      refused: (message, reason) => listener.refused(message, reason),
      stuck: (reason) => this.#change(() => (this.#stuck = reason)),
      uploaded: (txnId, sentBytes, totalBytes) =>
        this.#change(() => (this.#uploads = new Map(this.#uploads).set(txnId, { sentBytes, totalBytes }))),
    });
  }

  /** @throws ParleyError `unauthenticated` where nobody is enrolled */
  static async open(
    context: ClientContext,
    parts: LiveParts,
    { presence, listener }: { readonly presence: PresenceChoiceT; readonly listener: LiveListener },
  ): Promise<LiveClient> {
    const { row } = await context.own();
    const stored = await context.platform.store.transaction((tx) => tx.get(KEY.inbox));
    const inbox = new Inbox(row.name, stored === undefined ? [] : unpack<readonly InboxRoom[]>(stored));
    const own = { account: row.name, device: row.device };
    const live = new LiveClient(context, parts, { own, inbox, presence }, listener);
    inbox.recalled(await live.#archive.rooms());
    return live;
  }

  get state(): SyncState {
    return this.#state;
  }

  /** The node that this device hears of news from. */
  get endpoint(): string | null {
    return this.#endpoint;
  }

  /** Why nothing more comes. */
  get ended(): ParleyError | null {
    return this.#ended;
  }

  get rooms(): ReadonlyMap<RoomId, InboxRoom> {
    return this.#inbox.rooms;
  }

  /** Whether a node has listed the rooms since this was opened. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** What one has written and is not among the lines yet. */
  get pending(): readonly PendingMessage[] {
    return this.#arriving.behind(this.#pending, (room) => this.#reached(room));
  }

  /** Why something waits although it was tried. */
  get stuck(): ParleyError | null {
    return this.#stuck;
  }

  get uploads(): ReadonlyMap<TxnId, Upload> {
    return this.#uploads;
  }

  /** How much of what this device may read can be searched. */
  get searchable(): Searchable {
    return this.#searchable.progress;
  }

  /** Follows until `stop`. */
  async run(): Promise<void> {
    this.#step('start');
    this.#pump.kick();
    const { rooms, reader } = this.#parts;
    const feed = new Feed(
      this.#context,
      { rooms, reader },
      {
        only: null,
        signals: this.signals,
        listener: {
          connected: (endpoint) => this.#connected(endpoint),
          disconnected: () => this.#step('disconnected'),
          messages: (lines) => this.#arrived(lines),
          typing: (typing) => this.#listener.typing(typing),
          presence: (people) => this.#listener.presence(people),
          happened: (happening) => this.#happened(happening),
        },
      },
    );
    try {
      await feed.run(this.#stop.signal);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#ended = error;
      this.#step('refused');
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#pump.stop();
    this.#step('stop');
  }

  /** What the system says of the network. */
  network(isThere: boolean): void {
    this.#step(isThere ? 'networkBack' : 'networkLost');
    if (isThere) this.#pump.kick();
  }

  /** Something was put into the outbox. */
  send(): void {
    this.#pump.kick();
  }

  /** The conversation on the screen; it is kept up to date until it is closed. */
  openRoom(room: RoomId): RoomView {
    const view = new RoomView(room, {
      history: this.#history,
      archive: this.#archive,
      marks: () => marksIn(this.#context, room),
      changed: () => this.#listener.changed(),
    });
    this.#views.set(room, view);
    return view;
  }

  closeRoom(view: RoomView): void {
    view.close();
    if (this.#views.get(view.room) === view) this.#views.delete(view.room);
  }

  /** Everything up to `seq` was read. What cannot be told now is told with the next message that is read. */
  async markRead(room: RoomId, seq: number): Promise<void> {
    if (seq <= (this.#inbox.rooms.get(room)?.read ?? 0)) return;
    this.#change(() => this.#inbox.wasRead(room, seq));
    await this.#parts.roomAdmin.markRead(`room:${room}`, seq, READ_MS_MAX).catch(unlessPassing);
  }

  /** The list of rooms as nodes know it now. */
  async refreshRooms(): Promise<void> {
    const overview = await this.#parts.rooms.overview(LIST_MS_MAX);
    this.#isListed = true;
    this.#change(() => this.#inbox.listed(overview));
    const rows = pack([...this.#inbox.rooms.values()]);
    await this.#context.platform.store.transaction(async (tx) => tx.put(KEY.inbox, rows));
  }

  #connected(endpoint: string): void {
    this.#endpoint = endpoint;
    this.#step('connected');
    this.#pump.kick();
    this.#listSoon();
    // Whoever reads in the past is left there.
    for (const view of this.#views.values()) if (view.isAtNewest) void view.toNewest();
  }

  #arrived(lines: readonly MessageLine[]): void {
    const room = lines[0]!.room;
    this.#heard.set(room, lines.at(-1)!.seq);
    this.#inArchive((archive) => archive.keep(lines));
    if (!this.#inbox.rooms.has(room)) this.#listSoon();
    this.#inbox.arrived(lines);
    this.#views.get(room)?.arrived(lines);
    this.#listener.arrived(lines);
    this.#listener.changed();
  }

  #happened(happening: Happening): void {
    if (happening.kind === 'messages-gone') this.#wentAway(happening);
    if (happening.kind === 'receipt') this.#receipt(happening);
    if (CHANGES_LIST.has(happening.kind)) this.#listSoon();
    this.#listener.happened(happening);
  }

  #wentAway({ room, seqs, reason }: Extract<Happening, { readonly kind: 'messages-gone' }>): void {
    this.#inArchive((archive) => archive.markGone(room as RoomId, seqs, reason));
    this.#inbox.wentAway(room as RoomId, seqs);
    this.#views.get(room as RoomId)?.wentAway(seqs, reason);
    this.#listener.changed();
  }

  /** What cannot be kept now, as while another program has the store, is read again. */
  #inArchive(change: (archive: Archive) => Promise<void>): void {
    const changing = change(this.#archive).catch(unlessPassing);
    void changing.then(() => this.#searchable.kick());
  }

  #receipt({ room, account, delivered, read }: Extract<Happening, { readonly kind: 'receipt' }>): void {
    if (account === this.own.account) this.#change(() => this.#inbox.wasRead(room as RoomId, read));
    else this.#views.get(room as RoomId)?.marked(account as AccountName, { delivered, read });
  }

  /** What is asked for while a question is under way is asked once more after it. */
  #listSoon(): void {
    if (this.#listing === 'waits' || this.#listing === 'runsAgain') return;
    if (this.#listing === 'runs') this.#listing = 'runsAgain';
    else void this.#list();
  }

  async #list(): Promise<void> {
    do {
      this.#listing = 'waits';
      await this.#context.platform.pause(GATHER_MS, this.#stop.signal);
      this.#listing = 'runs';
      await this.refreshRooms().catch(unlessPassing);
      await this.#keepNews().catch(unlessPassing);
      this.#searchable.kick();
    } while (this.#isAskedAgain() && !this.#stop.signal.aborted);
    this.#listing = 'no';
  }

  #isAskedAgain(): boolean {
    return this.#listing === 'runsAgain';
  }

  /** What was written while this device was away, as far as the list shows it. */
  async #keepNews(): Promise<void> {
    const archived = await this.#archive.rooms();
    // A room may have had messages before it was listed.
    this.#change(() => this.#inbox.recalled(archived));
    const kept = new Map(archived.map(({ room, lastSeq }) => [room, lastSeq]));
    for (const room of kept.keys()) if (!this.#inbox.rooms.has(room)) await this.#archive.forget(room);
    const behind = [...this.#inbox.rooms.values()].filter(({ room, lastSeq }) => lastSeq > (kept.get(room) ?? 0));
    for (const { room } of behind.slice(0, KEPT_ROOMS_MAX)) {
      if (this.#stop.signal.aborted) return;
      const { lines } = await this.#history.newest(room, KEPT_LINES);
      this.#change(() => this.#inbox.arrived(lines));
    }
  }

  #sent(message: PendingMessage, sent: Sent): void {
    this.#change(() => this.#arriving.sent(message, sent));
    if (this.#uploads.has(message.txnId)) this.#forgetUpload(message.txnId);
  }

  /** Up to where the lines of a room are there: on the screen, where it is shown. */
  #reached(room: RoomId): number {
    const view = this.#views.get(room);
    return view?.isAtNewest === true ? view.timeline.last : (this.#heard.get(room) ?? 0);
  }

  #forgetUpload(txnId: TxnId): void {
    const uploads = new Map(this.#uploads);
    uploads.delete(txnId);
    this.#change(() => (this.#uploads = uploads));
  }

  #step(event: SyncEvent): void {
    this.#change(() => (this.#state = nextSyncState(this.#state, event)));
  }

  #change(change: () => void): void {
    change();
    this.#listener.changed();
  }
}

/** Nobody could be asked, there is no such room any more, or the store is taken: the next occasion does better. */
function unlessPassing(error: unknown): void {
  if (!(error instanceof ParleyError)) throw error;
}
