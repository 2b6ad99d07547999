import { noteActivity } from './activity.ts';
import { COUNTED_IN_ONE_EXPIRY_ROW_MAX, EVENTS_KEPT_MAX } from './bounds.ts';
import { feedEventCodec } from './event-codec.ts';
import { addressBansCodec, banCodec, erasureCodec, policyCodec, serverAdminsCodec } from './admin-rows.ts';
import { auditSpansCodec } from './audit-rows.ts';
import { blobCodec, blobUseCodec } from './blob-rows.ts';
import { roomHooksCodec } from './hook-rows.ts';
import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { pack } from './pack.ts';
import { computeRoster } from './roster.ts';
import { placeCodec, staffCodec, walkPlaces } from './member-rows.ts';
import { messageBitsCodec, pinsCodec, receiptCodec, relationsCodec, roomCodec } from './room-rows.ts';
import {
  accountCodec,
  answerCodec,
  countCodec,
  deviceCodec,
  deviceSessionsCodec,
  feedCodec,
  globalsCodec,
  idCodec,
  requestsCodec,
  sessionCodec,
  timeCodec,
} from './rows.ts';
import { attemptsCodec, grantCodec, passwordCodec, totpCodec, vaultCodec } from './login-rows.ts';
import { profileCodec } from './profile-rows.ts';
import { NO_SERVER_LIMITS, quotasCodec, retentionJobCodec, sentTodayCodec, serverLimitsCodec } from './quota-rows.ts';
import { reportCodec, reportsCodec } from './report-rows.ts';
import { Table } from './table.ts';
import { isAccountId } from '../protocol/ids.ts';
import type { Command } from '../protocol/commands.ts';
import type { ChatEvent, PlacedEvent } from '../protocol/events.ts';
import type { AccountId, BlobId, DeviceId, RoomId, Seq, SessionId, StampMs, TxnId } from '../protocol/ids.ts';
import type { BlobRow } from './blob-rows.ts';
import type { ApplyBatch, ApplyContext } from './apply-context.ts';
import type { StoredEvent } from './event-codec.ts';
import type { FeedScope } from './keys.ts';
import type { StateView } from './ports.ts';
import type { PlaceRow } from './member-rows.ts';
import type { Roster } from './roster.ts';
import type { ServerLimitsRow } from './quota-rows.ts';
import type { RoomRow } from './room-rows.ts';
import type { GlobalsRow, RowCodec } from './rows.ts';
import { lockCodec, lockTokenCodec, sessionLocksCodec, type SessionLocksRow } from './lock-rows.ts';

/**
 * Everything that the commands of one batch share: the rows they read and write, the leader's time, and what they
 * leave behind. A command first checks everything and then writes; what it writes, the next one sees.
 */
export class Work {
  readonly view: StateView;
  readonly context: ApplyContext;
  readonly index: number;
  readonly stampMs: StampMs;
  readonly events: PlacedEvent[] = [];

  readonly globals;
  readonly accounts;
  readonly names;
  readonly devices;
  readonly deviceTxns;
  readonly deviceSessions;
  readonly requests;
  readonly answers;
  readonly sessions;
  readonly locks;
  readonly sessionLocks;
  readonly lockTokens;
  readonly rooms;
  readonly places;
  readonly staff;
  readonly feeds;
  readonly relations;
  readonly pins;
  readonly receipts;
  readonly messageBits;
  readonly roomHooks;
  readonly hookRooms;
  readonly blobs;
  readonly blobUse;
  readonly registration;
  readonly serverAdmins;
  readonly bans;
  readonly addressBans;
  readonly addressBansVersion;
  readonly erasures;
  readonly profiles;
  readonly blocks;
  readonly blockCounts;
  readonly purges;
  readonly reports;
  readonly reportCounts;
  readonly openReports;
  readonly auditSpans;
  readonly refusedOpen;
  readonly quotas;
  readonly sentToday;
  readonly roomCounts;
  readonly #serverLimits;
  readonly retentionJob;
  readonly passwords;
  readonly totps;
  readonly vaults;
  readonly attempts;
  readonly strangerNames;
  readonly grants;
  readonly loginSetupCount;
  /** The one under way: the audit log tells whose it is. */
  command: Command | null = null;
  /** Files whose row was made, changed in what nodes have to do for it, or removed. */
  readonly touchedBlobs = new Set<BlobId>();
  /** Keys of dedupe records made in this batch, and when the last of them expires. */
  readonly #txnKeys: string[] = [];
  #txnExpiresAt = 0;

  constructor(view: StateView, batch: ApplyBatch, context: ApplyContext) {
    this.view = view;
    this.context = context;
    this.index = batch.index;
    this.stampMs = batch.stampMs;
    this.globals = new Table(view, () => KEYS.globals, globalsCodec);
    this.accounts = new Table(view, KEYS.account, accountCodec);
    this.names = new Table(view, KEYS.name, idCodec<AccountId>());
    this.devices = new Table(view, KEYS.device, deviceCodec);
    this.deviceTxns = new Table<DeviceId, TxnId>(view, KEYS.deviceTxn, idCodec<TxnId>());
    this.deviceSessions = new Table<DeviceId, readonly SessionId[]>(view, KEYS.deviceSessions, deviceSessionsCodec);
    this.requests = new Table(view, KEYS.requests, requestsCodec);
    this.answers = new Table(view, KEYS.answer, answerCodec);
    this.sessions = new Table(view, KEYS.session, sessionCodec);
    this.locks = new Table(view, KEYS.lock, lockCodec);
    this.sessionLocks = new Table<SessionId, SessionLocksRow>(view, KEYS.sessionLocks, sessionLocksCodec);
    this.lockTokens = new Table(view, () => KEYS.lockTokens, lockTokenCodec);
    this.rooms = new Table(view, KEYS.room, roomCodec);
    this.places = new Table(view, ([room, place]: PlaceIn) => KEYS.place(room, place), placeCodec);
    this.staff = new Table(view, KEYS.staff, staffCodec);
    this.feeds = new Table(view, KEYS.feed, feedCodec);
    this.relations = new Table(view, ([room, seq]: SeqIn) => KEYS.relations(room, seq), relationsCodec);
    this.receipts = new Table(view, ([room, account]: AccountIn) => KEYS.receipt(room, account), receiptCodec);
    this.pins = new Table(view, KEYS.pins, pinsCodec);
    this.messageBits = new Table(view, ([room, block]: BlockIn) => KEYS.messageBits(room, block), messageBitsCodec);
    this.roomHooks = new Table(view, KEYS.roomHooks, roomHooksCodec);
    this.hookRooms = new Table<DeviceId, RoomId>(view, KEYS.hook, idCodec<RoomId>());
    this.blobs = new Table<BlobId, BlobRow>(view, KEYS.blob, blobCodec);
    this.blobUse = new Table(view, KEYS.blobUse, blobUseCodec);
    this.registration = new Table(view, () => KEYS.registration, policyCodec);
    this.serverAdmins = new Table(view, () => KEYS.serverAdmins, serverAdminsCodec);
    this.bans = new Table(view, (account: AccountId) => KEYS.ban(account), banCodec);
    this.addressBans = new Table(view, () => KEYS.addressBans, addressBansCodec);
    this.addressBansVersion = new Table(view, () => KEYS.addressBansVersion, countCodec);
    this.erasures = new Table(view, KEYS.erasure, erasureCodec);
    this.profiles = new Table(view, KEYS.profile, profileCodec);
    this.blocks = new Table(view, ([account, other]: Blocking) => KEYS.block(account, other), timeCodec);
    this.blockCounts = new Table(view, KEYS.blockCount, countCodec);
    this.purges = new Table<RoomId, Seq>(view, KEYS.purge, countCodec as RowCodec<Seq>);
    this.reports = new Table(view, KEYS.report, reportCodec);
    this.reportCounts = new Table(view, () => KEYS.reportCounts, reportsCodec);
    this.openReports = new Table(view, KEYS.openReports, countCodec);
    this.auditSpans = new Table(view, () => KEYS.auditSpans, auditSpansCodec);
    this.refusedOpen = new Table(view, () => KEYS.refusedOpen, countCodec);
    this.quotas = new Table(view, KEYS.quotas, quotasCodec);
    this.sentToday = new Table(view, KEYS.sentToday, sentTodayCodec);
    this.roomCounts = new Table(view, KEYS.roomCount, countCodec);
    this.#serverLimits = new Table(view, () => KEYS.serverLimits, serverLimitsCodec);
    this.retentionJob = new Table(view, () => KEYS.retentionJob, retentionJobCodec);
    this.passwords = new Table(view, KEYS.password, passwordCodec);
    this.totps = new Table(view, KEYS.totp, totpCodec);
    this.vaults = new Table(view, KEYS.vault, vaultCodec);
    this.attempts = new Table(view, (key: string) => key, attemptsCodec);
    this.strangerNames = new Table(view, () => KEYS.strangerNames, countCodec);
    this.grants = new Table(view, KEYS.grant, grantCodec);
    this.loginSetupCount = new Table(view, () => KEYS.loginSetupCount, countCodec);
  }

  /**
   * Gives an event its place. Messages are found through their rooms, receipts are not replayed; others are kept in the
   * scopes that replay them.
   */
  emit(event: ChatEvent & { readonly kind: 'message' | 'receipt' }): void;
  emit(event: StoredEvent, ...scopes: FeedScope[]): void;
  emit(event: ChatEvent, ...scopes: FeedScope[]): void {
    const placed = { index: this.index, order: this.events.length, event };
    this.events.push(placed);
    if (event.kind === 'message' || event.kind === 'receipt') return;
    for (const scope of scopes) this.#store(scope, feedEventCodec.encode({ ...placed, event }));
  }

  /** The order that the next event gets. */
  get nextOrder(): number {
    return this.events.length;
  }

  /** Notes that the rows of `target` may be removed at `expiresAt`; sweeping checks them again. */
  expireAt(expiresAt: number, target: string): void {
    this.view.put(KEYS.expiry(expiresAt, target), EMPTY);
  }

  cancelExpiry(expiresAt: number, target: string): void {
    this.view.delete(KEYS.expiry(expiresAt, target));
  }

  /** Dedupe records of one batch expire together, with the last of them. */
  rememberTxn(key: string, expiresAt: number): void {
    this.#txnKeys.push(key);
    this.#txnExpiresAt = Math.max(this.#txnExpiresAt, expiresAt);
  }

  get serverLimits(): ServerLimitsRow {
    return this.#serverLimits.get('limits') ?? NO_SERVER_LIMITS;
  }

  set serverLimits(row: ServerLimitsRow) {
    this.#serverLimits.put('limits', row);
  }

  globalsRow(): GlobalsRow {
    return this.globals.get('globals') ?? { deviceEpoch: 0, deviceIndex: 0 };
  }

  rosterOf(room: RoomId, row: RoomRow): Roster {
    const at = { base: row.base, deviceEpoch: this.globalsRow().deviceEpoch };
    const known = this.context.rosters.get(room, at);
    if (known !== undefined) return known;
    const members = this.placesIn(room, row);
    const roster = computeRoster(row.base, members, (account) => this.accounts.get(account));
    this.context.rosters.set(room, { ...at, roster });
    return roster;
  }

  /** Of a room that is not open: those are bounded. */
  placesIn(room: RoomId, row: RoomRow): readonly PlaceRow[] {
    return [...walkPlaces(row, (place) => this.places.get([room, place]))];
  }

  /** Hands all that was changed to the view. */
  finish(): void {
    this.#storeTxnGroups();
    for (const table of [
      this.globals,
      this.accounts,
      this.names,
      this.devices,
      this.deviceTxns,
      this.deviceSessions,
      this.requests,
      this.answers,
      this.sessions,
      this.locks,
      this.sessionLocks,
      this.lockTokens,
      this.rooms,
      this.places,
      this.staff,
      this.feeds,
      this.relations,
      this.pins,
      this.receipts,
      this.messageBits,
      this.roomHooks,
      this.hookRooms,
      this.blobs,
      this.blobUse,
      this.registration,
      this.serverAdmins,
      this.bans,
      this.addressBans,
      this.addressBansVersion,
      this.erasures,
      this.profiles,
      this.blocks,
      this.blockCounts,
      this.purges,
      this.reports,
      this.reportCounts,
      this.openReports,
      this.auditSpans,
      this.refusedOpen,
      this.quotas,
      this.sentToday,
      this.roomCounts,
      this.#serverLimits,
      this.retentionJob,
      this.passwords,
      this.totps,
      this.vaults,
      this.attempts,
      this.strangerNames,
      this.grants,
      this.loginSetupCount,
    ]) {
      table.flush();
    }
  }

  /** A feed keeps its newest events; the place of the last one it lost says from where it can replay. */
  #store(scope: FeedScope, bytes: Uint8Array): void {
    const feed = this.feeds.get(scope);
    const count = feed?.count ?? 0;
    let pruned = feed?.pruned ?? { index: 0, order: -1 };
    this.view.put(KEYS.feedEvent(scope, count), bytes);
    if (count >= EVENTS_KEPT_MAX) {
      const key = KEYS.feedEvent(scope, count - EVENTS_KEPT_MAX);
      const oldest = this.view.get(key);
      invariant(oldest !== undefined, 'a feed keeps its newest events');
      const { index, order } = feedEventCodec.decode(oldest);
      pruned = { index, order };
      this.view.delete(key);
    }
    this.feeds.put(scope, { count: count + 1, lastIndex: this.index, pruned });
    // An account's own feed is looked at in any case.
    if (!isOwnFeed(scope)) noteActivity(this.view, `f/${scope}`, feed?.lastIndex ?? 0, this.index);
  }

  #storeTxnGroups(): void {
    for (let part = 0; part * COUNTED_IN_ONE_EXPIRY_ROW_MAX < this.#txnKeys.length; part++) {
      const start = part * COUNTED_IN_ONE_EXPIRY_ROW_MAX;
      const keys = this.#txnKeys.slice(start, start + COUNTED_IN_ONE_EXPIRY_ROW_MAX);
      this.view.put(KEYS.expiry(this.#txnExpiresAt, KEYS.txnGroup(this.index, part)), pack(keys));
    }
  }
}

const isOwnFeed = (scope: FeedScope): scope is AccountId => isAccountId(scope);

type PlaceIn = readonly [room: RoomId, place: number];
type SeqIn = readonly [room: RoomId, seq: Seq];
type AccountIn = readonly [room: RoomId, account: AccountId];
type Blocking = readonly [account: AccountId, other: AccountId];
type BlockIn = readonly [room: RoomId, block: number];

const EMPTY = new Uint8Array(0);
