import { ParleyError } from '../protocol/errors.ts';
import { Composer } from './composer.ts';
import { Account } from './account.ts';
import { orderNodes } from './choose-node.ts';
import { statusOfCluster } from './cluster-status.ts';
import { ClientContext } from './context.ts';
import { Enrolment } from './enrolment.ts';
import { Factors } from './factors.ts';
import { Feed } from './feed.ts';
import { firstSince } from './first-since.ts';
import { Directory } from './directory.ts';
import { Drafts } from './drafts.ts';
import { Files } from './files.ts';
import { History } from './history.ts';
import { Hooks } from './hooks.ts';
import { LiveClient } from './live-client.ts';
import { Locks } from './locks.ts';
import { OpenRooms } from './open-rooms.ts';
import { Login } from './login.ts';
import { Outbox } from './outbox.ts';
import { refusePlainHttp } from './plain-http.ts';
import { Presence } from './presence.ts';
import { Reader } from './reader.ts';
import { RoomAdmin } from './room-admin.ts';
import { Reports } from './reports.ts';
import { detailsOf } from './room-details.ts';
import { Rooms } from './rooms.ts';
import { MessageSearch } from './search/message-search.ts';
import { readRow, writeRow } from './rows.ts';
import { Vault } from './vault.ts';
import type { StatusJson } from '../protocol/http/schemas.ts';
import type { PresenceChoiceT } from '../protocol/http/presence.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { AccountName, ClusterId, DeviceId, RoomId } from '../protocol/ids.ts';
import type { Balance } from './choose-node.ts';
import type { Posted, TextOptions } from './composer.ts';
import type { FeedListener } from './feed.ts';
import type { ReadOptions } from './history.ts';
import type { Flushed } from './outbox.ts';
import type { LiveListener } from './live-client.ts';
import type { LiveSignals } from './live-signals.ts';
import type { Platform } from './platform.ts';
import type { MessageLine } from './reader.ts';
import type { RoomDetails } from './room-details.ts';

const READ_MS_MAX = 30_000;

export interface ClientOptions {
  /** Base URLs of nodes in the order in which to try them. Null: those that were remembered, else `fallback`. */
  readonly endpoints: readonly string[] | null;
  readonly fallback: readonly string[];
  /** Permits plain HTTP to other machines, from now on. */
  readonly insecureHttp?: boolean;
  /** How to choose where no endpoints are given or remembered. Without it: `fallback` in its order. */
  readonly balance?: Balance;
  /** Whether `balance` decides over remembered endpoints too. */
  readonly balanceRemembered?: boolean;
}

export interface ReadPage {
  readonly lines: readonly MessageLine[];
  /** Null, or why newer messages may exist than the answering node knows. */
  readonly stale: ParleyError | null;
}

/** A person's device: all that a client program needs. Programs that share a store may run at the same time. */
export class ParleyClient {
  readonly account: Account;
  readonly enrolment: Enrolment;
  readonly vault: Vault;
  readonly factors: Factors;
  readonly login: Login;
  readonly rooms: Rooms;
  readonly roomAdmin: RoomAdmin;
  readonly openRooms: OpenRooms;
  readonly hooks: Hooks;
  readonly messages: Composer;
  readonly locks: Locks;
  readonly files: Files;
  readonly reports: Reports;
  readonly directory: Directory;
  readonly drafts: Drafts;
  readonly presence: Presence;
  readonly search: MessageSearch;
  readonly #context: ClientContext;
  readonly #outbox: Outbox;
  readonly #reader: Reader;
  readonly #history: History;

  private constructor(context: ClientContext) {
    this.#context = context;
    this.account = new Account(context);
    this.enrolment = new Enrolment(context);
    this.vault = new Vault(context);
    this.factors = new Factors(context, this.vault);
    this.login = new Login(context, { account: this.account, factors: this.factors });
    this.rooms = new Rooms(context);
    this.openRooms = new OpenRooms(context, this.rooms);
    this.hooks = new Hooks(context, this.rooms);
    this.locks = new Locks(context);
    this.roomAdmin = new RoomAdmin(context, this.rooms);
    this.#outbox = new Outbox(context, this.rooms);
    this.messages = new Composer(context, { rooms: this.rooms, outbox: this.#outbox });
    this.files = new Files(context, this.messages);
    this.#reader = new Reader(context, this.rooms);
    this.search = new MessageSearch(context, this.#reader);
    this.#history = new History(context);
    this.directory = new Directory(context);
    this.drafts = new Drafts(context.platform.store);
    this.presence = new Presence(context, this.rooms);
    this.reports = new Reports(context, { rooms: this.rooms, history: this.#history, reader: this.#reader });
  }

  /**
   * Endpoints that are given are remembered.
   * @throws ParleyError `usage` for plain HTTP to another machine, unless that was permitted
   */
  static async open(platform: Platform, options: ClientOptions): Promise<ParleyClient> {
    const { endpoints, fallback, insecureHttp = false, balance = null, balanceRemembered = false } = options;
    const [given, learned] = await platform.store.transaction(async (tx) => {
      if (insecureHttp) writeRow(tx, 'insecureHttp', true);
      else if ((await readRow(tx, 'insecureHttp')) !== true) {
        refusePlainHttp(endpoints ?? (await readRow(tx, 'endpoints')) ?? fallback);
      }
      if (endpoints !== null) writeRow(tx, 'endpoints', endpoints);
      return [endpoints ?? (await readRow(tx, 'endpoints')), await readRow(tx, 'nodes')];
    });
    const isOrdered = endpoints !== null || (given !== undefined && !balanceRemembered);
    const chosen = isOrdered ? null : balance;
    const context = new ClientContext(platform, given ?? fallback, chosen);
    const { api } = context;
    api.learn(learned ?? []);
    // As long as nobody has told their load, chance spreads the clients.
    if (chosen !== null) {
      const unknown = api.endpoints.map((url) => ({ url, up: true, load: null }));
      api.prefer(orderNodes(unknown, chosen, platform.chance));
    }
    return new ParleyClient(context);
  }

  /** A text message; see `Composer.text`. */
  send(target: string, text: string, options: TextOptions): Promise<Posted> {
    return this.messages.text(target, text, options);
  }

  /**
   * Takes one's own reaction back.
   * @throws ParleyError `no_such_message` when there is none
   */
  async unreact(target: string, seq: number, reaction: string, deadlineMs: number): Promise<readonly number[]> {
    const { row } = await this.#context.own();
    for await (const { lines } of this.read(target, { after: seq })) {
      const own = lines.find((line) => line.reactsTo === seq && line.reaction === reaction && line.from === row.name);
      if (own !== undefined) return (await this.messages.delete(target, own.seq, deadlineMs)).seqs;
    }
    throw new ParleyError('no_such_message', 'You have not reacted like this.');
  }

  /** Sends what waits. @throws ParleyError when no node takes it */
  async flush(timeoutMs: number): Promise<Flushed> {
    return this.#outbox.flush(timeoutMs);
  }

  /** Pages of one conversation, ascending. A direct one that nobody has begun has none. */
  async *read(target: string, options: ReadOptions): AsyncGenerator<ReadPage> {
    const { room, peer } = await this.rooms.resolve(target, READ_MS_MAX);
    try {
      for await (const { messages, stale } of this.#history.pages(room, options)) {
        yield { lines: await this.#reader.read(messages), stale };
      }
    } catch (error) {
      if (peer === null || !(error instanceof ParleyError) || error.code !== 'no_such_room') throw error;
    }
  }

  /** The seq of the first message sent at a time or later; one more than the newest when all are older. */
  firstSince(room: RoomId, sinceMs: number, lastSeq: number): Promise<number> {
    const messageFrom = async (seq: number): Promise<MessageJsonT | undefined> => {
      for await (const { messages } of this.#history.pages(room, { after: seq - 1, limit: 1 })) return messages[0];
      return undefined;
    };
    return firstSince(messageFrom, sinceMs, lastSeq);
  }

  /**
   * What is written from now on, in all rooms or the target's, until `signal` aborts.
   * @param presence what others are to see of this account meanwhile
   * @param signals what this device says meanwhile; they know its presence
   */
  async follow(
    target: string | null,
    listener: FeedListener,
    signal: AbortSignal,
    presence?: PresenceChoiceT,
    signals?: LiveSignals,
  ): Promise<void> {
    const only = target === null ? null : (await this.rooms.resolve(target, READ_MS_MAX)).room;
    const parts = { rooms: this.rooms, reader: this.#reader };
    await new Feed(this.#context, parts, { only, listener, presence, signals }).run(signal);
  }

  /**
   * What people see while a program is open: rooms, conversations, what waits.
   * @throws ParleyError `unauthenticated` where nobody is enrolled
   */
  live(presence: PresenceChoiceT, listener: LiveListener): Promise<LiveClient> {
    const { rooms, roomAdmin, search } = this;
    const parts = { rooms, roomAdmin, search, outbox: this.#outbox, reader: this.#reader };
    return LiveClient.open(this.#context, parts, { presence, listener });
  }

  /** Who is in a room, and how it is set. @throws ParleyError `no_such_room` */
  async details(target: string): Promise<RoomDetails> {
    const { room } = await this.rooms.resolve(target, READ_MS_MAX);
    return detailsOf(this.#context, room);
  }

  /** How every node stands. @throws ParleyError `forbidden` for who is no admin of the server */
  clusterStatus(): Promise<StatusJson> {
    return statusOfCluster(this.#context);
  }

  async whoAmI(): Promise<{
    account: AccountName;
    device: DeviceId;
    cluster: ClusterId;
    endpoints: readonly string[];
  }> {
    const { row } = await this.#context.own();
    const cluster = await this.#context.cluster();
    return { account: row.name, device: row.device, cluster, endpoints: this.#context.api.endpoints };
  }

  /** An access token of this device's session, good on every node for at least a minute. */
  async accessToken(timeoutMs: number): Promise<string> {
    await this.#context.own();
    return this.#context.session.token(timeoutMs);
  }

  /** Ends this device's session. The account stays in this home; whatever comes next opens another session. */
  async logOut(timeoutMs: number): Promise<void> {
    await this.#context.own();
    await this.#context.session.logOut(timeoutMs);
  }

  close(): Promise<void> {
    return this.#context.platform.store.close();
  }
}
