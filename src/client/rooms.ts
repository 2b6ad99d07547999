import { directRoomIdOf, groupRoomIdOf, openRoomIdOf } from '../protocol/derive-ids.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isOpenRoom, isRoomId } from '../protocol/ids.ts';
import { OddAnswer, roomsAfter, roomWritten } from './answers.ts';
import { meetPerson, nameIn } from './meet-person.ts';
import { openRoomMeta, sealRoomName } from './room-names.ts';
import { rosterOf } from './rosters.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { RoomKind } from '../protocol/commands.ts';
import type { RoomSummaryJson } from '../protocol/http/schemas.ts';
import type { AccountId, AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownPerson } from './people.ts';
import type { RoomMeta } from './room-names.ts';
import type { RoomRow } from './rows.ts';

const ROOMS_PAGE = 100;
/** More than anybody is in; a node that goes on for ever is not followed. */
const ROOM_PAGES_MAX = 1_000;
/** What a target begins with when it is no name. */
const NOT_A_NAME = /^(@|room:)/;

type NamedRoom = Pick<RoomLine, 'room' | 'kind' | 'name'>;

export interface RoomLine {
  readonly room: RoomId;
  readonly kind: RoomKind;
  /** Null when this device cannot read it. A direct room's is the other account. */
  readonly name: string | null;
  readonly lastSeq: number;
  /** What the room is about, where that was said. */
  readonly topic?: string;
  /** Nothing more is written in it. */
  readonly archived?: true;
}

export interface RoomOverview {
  readonly line: RoomLine;
  readonly summary: RoomSummaryJson;
}

/** What a person named: a room, and in a direct room the other one. */
export interface Target {
  readonly room: RoomId;
  readonly peer: AccountId | null;
}

/** Rooms and their names. Names are sealed like messages: nodes cannot read them. */
export class Rooms {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  async list(deadlineMs: number): Promise<RoomLine[]> {
    return (await this.overview(deadlineMs)).map(({ line }) => line);
  }

  /** All rooms, each with what a node tells of it. */
  async overview(deadlineMs: number): Promise<RoomOverview[]> {
    const rooms: RoomOverview[] = [];
    for (const summary of await this.summaries(deadlineMs)) {
      const { name, topic } = await this.#metaOf(summary, deadlineMs);
      const { kind, lastSeq, archived } = summary;
      const line = {
        room: summary.room as RoomId,
        kind,
        name,
        lastSeq,
        ...(topic === undefined ? {} : { topic }),
        ...(archived ? { archived } : {}),
      };
      rooms.push({ line, summary });
    }
    await this.#remember(rooms.map(({ line }) => line));
    return rooms;
  }

  /** @param notBefore a cursor; without it: not older than what this client has caused */
  async summaries(deadlineMs: number, notBefore?: string): Promise<RoomSummaryJson[]> {
    const rooms: RoomSummaryJson[] = [];
    let after = '';
    for (let pages = 0; pages < ROOM_PAGES_MAX; pages++) {
      const path = `/v1/rooms?limit=${ROOMS_PAGE}${after === '' ? '' : `&after=${after}`}`;
      const page =
        notBefore === undefined
          ? await this.#context.read(path, roomsAfter(after), deadlineMs)
          : await this.#context.readSince(path, roomsAfter(after), notBefore, deadlineMs);
      rooms.push(...page.rooms);
      if (page.next === null) return rooms;
      after = page.next;
    }
    throw new ParleyError('internal', 'The list of rooms has no end.', { cause: new OddAnswer() });
  }

  /**
   * What a person means by `@name`, a room's name, or `room:ID`. People and rooms that this client knows are found
   * without a node.
   * @throws ParleyError `no_such_user`, `no_such_room`, `ambiguous`
   */
  async resolve(target: string, deadlineMs: number): Promise<Target> {
    if (target.startsWith('room:')) {
      const id = target.slice('room:'.length);
      if (!isRoomId(id)) throw new ParleyError('usage', `“${target}” is no room id: parley rooms --json shows them.`);
      const { row } = await this.#context.own();
      return { room: id, peer: await this.#context.people.peerIn(id, row.account) };
    }
    if (target.startsWith('@')) {
      const name = nameIn(target);
      const peer = (await this.#context.people.pinned(name)) ?? (await this.person(name, deadlineMs)).account;
      const { row } = await this.#context.own();
      if (peer === row.account) throw new ParleyError('usage', 'That is you: there is no room of one.');
      return { room: directRoomIdOf(row.account, peer), peer };
    }
    return { room: await this.#named(target, deadlineMs), peer: null };
  }

  /** With whom of those met before this room is shared alone; null where it is no direct room of this account. */
  async peerName(room: RoomId): Promise<AccountName | null> {
    const { row } = await this.#context.own();
    const peer = await this.#context.people.peerIn(room, row.account);
    return peer === null ? null : ((await this.#context.people.nameOf(peer)) ?? null);
  }

  /** @throws ParleyError `no_such_user`, `user_key_changed`, `invalid_signature` */
  person(name: string, deadlineMs: number): Promise<KnownPerson> {
    return meetPerson(this.#context, name, deadlineMs);
  }

  /** The direct room with somebody; it comes into being with the first who asks. */
  async openDirect(peer: AccountId, deadlineMs: number): Promise<RoomId> {
    const { row } = await this.#context.own();
    const room = directRoomIdOf(row.account, peer);
    const body = { kind: 'direct', members: [peer], txnId: this.#context.newTxnId() };
    await this.#context.write({ method: 'POST', path: '/v1/rooms', body, answer: roomWritten(room) }, deadlineMs);
    return room;
  }

  /** @throws ParleyError `usage` for a name that could not be used, `no_such_user` */
  createGroup(name: string, members: readonly string[], deadlineMs: number): Promise<RoomId> {
    return this.#create('group', { name }, members, deadlineMs);
  }

  /**
   * Makes a room that anybody may find and join. Nothing in it is encrypted: nodes can read it.
   * @throws ParleyError `usage` for a name that could not be used, `no_such_user`
   */
  createOpen(meta: RoomMeta, members: readonly string[], deadlineMs: number): Promise<RoomId> {
    return this.#create('open', meta, members, deadlineMs);
  }

  async #create(
    kind: 'group' | 'open',
    meta: RoomMeta,
    members: readonly string[],
    deadlineMs: number,
  ): Promise<RoomId> {
    const { name } = meta;
    this.checkName(name);
    const { row } = await this.#context.own();
    const people = await this.#everyone([row.name, ...members], deadlineMs);
    const txnId = this.#context.newTxnId();
    const room = (kind === 'open' ? openRoomIdOf : groupRoomIdOf)(row.account, txnId);
    const sealedMeta = await sealRoomName(this.#context, { room, rosterVersion: 0, meta, people, txnId });
    const others = people.map(({ account }) => account).filter((account) => account !== row.account);
    const body = { kind, members: others, sealedMeta, txnId };
    await this.#context.write({ method: 'POST', path: '/v1/rooms', body, answer: roomWritten(room) }, deadlineMs);
    await this.#context.platform.store.transaction(async (tx) =>
      tx.put(KEY.room(room), pack({ kind, name } satisfies RoomRow)),
    );
    return room;
  }

  /** Adds somebody and seals the name again, so that they can read it too. */
  async add(room: RoomId, name: string, deadlineMs: number): Promise<void> {
    const roster = await rosterOf(this.#context, room, deadlineMs);
    const person = await this.person(name, deadlineMs);
    // An open room's name is for everybody as it is.
    const meta = isOpenRoom(room) ? null : await openRoomMeta(this.#context, room, roster, deadlineMs);
    const txnId = this.#context.newTxnId();
    const people = [...roster.people.filter(({ account }) => account !== person.account), person];
    const { rosterVersion } = roster;
    const sealedMeta =
      meta === null ? undefined : await sealRoomName(this.#context, { room, rosterVersion, meta, people, txnId });
    const body = { txnId, ...(sealedMeta === undefined ? {} : { sealedMeta }) };
    const path = `/v1/rooms/${room}/members/${person.name}`;
    await this.#context.write({ method: 'PUT', path, body, answer: roomWritten(room) }, deadlineMs);
  }

  /**
   * Seals the names of all own groups again, for a device that was enrolled just now.
   * @throws ParleyError the first failure, after all rooms where there was none
   */
  async resealNames(deadlineMs: number): Promise<void> {
    let failure: ParleyError | null = null;
    for (const { room, sealedMeta, kind } of await this.summaries(deadlineMs)) {
      if (kind === 'open') continue;
      try {
        await this.#resealName(room as RoomId, sealedMeta, deadlineMs);
      } catch (error) {
        if (!(error instanceof ParleyError) || error.retryable) throw error;
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
  }

  async #resealName(room: RoomId, known: string | undefined, deadlineMs: number): Promise<void> {
    const meta = await openRoomMeta(this.#context, room, { sealedMeta: known }, deadlineMs);
    if (meta !== null) await this.setMeta(room, meta, deadlineMs);
  }

  /** Gives a group another name or topic. */
  async setMeta(room: RoomId, meta: RoomMeta, deadlineMs: number): Promise<void> {
    const { rosterVersion, people } = await rosterOf(this.#context, room, deadlineMs, { newest: true });
    const txnId = this.#context.newTxnId();
    const sealedMeta = await sealRoomName(this.#context, { room, rosterVersion, meta, people, txnId });
    const path = `/v1/rooms/${room}`;
    const body = { sealedMeta, txnId };
    await this.#context.write({ method: 'PATCH', path, body, answer: roomWritten(room) }, deadlineMs);
  }

  async #metaOf(
    summary: RoomSummaryJson,
    deadlineMs: number,
  ): Promise<{ readonly name: string | null; readonly topic?: string }> {
    if (summary.kind === 'direct') return { name: await this.#peerNameOf(summary) };
    return (await openRoomMeta(this.#context, summary.room as RoomId, summary, deadlineMs)) ?? { name: null };
  }

  /** What a node says of the other in a direct room counts as far as it agrees with the room's id and the pins. */
  async #peerNameOf({ room, peer }: RoomSummaryJson): Promise<string | null> {
    const { row } = await this.#context.own();
    const account = peer!.accountId as AccountId;
    const told = peer!.account as AccountName;
    if (directRoomIdOf(row.account, account) !== room) return null;
    const pinned = await this.#context.people.nameOf(account);
    if (pinned !== undefined) return pinned;
    return (await this.#context.people.pinned(told)) === undefined ? told : null;
  }

  async #named(target: string, deadlineMs: number): Promise<RoomId> {
    const named = (await this.#listOrRecall(deadlineMs)).filter(
      ({ kind, name }) => kind !== 'direct' && name === target,
    );
    if (named.length > 1) {
      throw new ParleyError('ambiguous', `${named.length} rooms are called “${target}”: use room:ID.`, {
        data: { rooms: named.map(({ room }) => room) },
      });
    }
    if (named.length === 0) {
      throw new ParleyError('no_such_room', `You are in no room called “${target}”; for a person write @${target}.`);
    }
    return named[0]!.room;
  }

  async #listOrRecall(deadlineMs: number): Promise<readonly NamedRoom[]> {
    try {
      return await this.list(deadlineMs);
    } catch (error) {
      if (!(error instanceof ParleyError) || !error.retryable) throw error;
      const known = await this.#context.platform.store.transaction((tx) => tx.list(KEY.roomPrefix));
      if (known.length === 0) throw error;
      return known.map(([key, bytes]) => ({
        room: key.slice(KEY.roomPrefix.length) as RoomId,
        ...unpack<RoomRow>(bytes),
      }));
    }
  }

  async #remember(lines: readonly RoomLine[]): Promise<void> {
    await this.#context.platform.store.transaction(async (tx) => {
      const before = new Map(await tx.list(KEY.roomPrefix));
      for (const { room, kind, name } of lines) {
        const key = KEY.room(room);
        const known = before.get(key);
        before.delete(key);
        if (known !== undefined && unpack<RoomRow>(known).name === name) continue;
        tx.put(key, pack({ kind, name } satisfies RoomRow));
      }
      for (const key of before.keys()) tx.delete(key);
    });
  }

  /** @throws ParleyError `usage` for what would not be taken for a name */
  checkName(name: string): void {
    if (NOT_A_NAME.test(name)) throw new ParleyError('usage', 'A room’s name does not begin with @ or room:.');
  }

  async #everyone(names: readonly string[], deadlineMs: number): Promise<KnownPerson[]> {
    const people = new Map<AccountId, KnownPerson>();
    for (const name of names) {
      const person = await this.person(name, deadlineMs);
      people.set(person.account, person);
    }
    return [...people.values()];
  }
}
