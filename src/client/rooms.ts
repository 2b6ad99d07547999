import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { decodeContent, encodeContent } from '../protocol/content.ts';
import { directRoomIdOf, groupRoomIdOf } from '../protocol/derive-ids.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isAccountName, isRoomId } from '../protocol/ids.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { AccountJsonT, RoomDetailJson, RoomSummaryJson } from '../protocol/http/schemas.ts';
import type { AccountId, AccountName, ClusterId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownDevice, KnownPerson } from './people.ts';
import type { RoomRow } from './rows.ts';

const ROOMS_PAGE = 500;

type NamedRoom = Pick<RoomLine, 'room' | 'kind' | 'name'>;

interface RoomsPage {
  readonly rooms: RoomSummaryJson[];
  readonly next: string | null;
}

export interface RoomLine {
  readonly room: RoomId;
  readonly kind: 'direct' | 'group';
  /** Null when this device cannot read it. A direct room's is the other account. */
  readonly name: string | null;
  readonly lastSeq: number;
}

/** What a person named: a room, and in a direct room the other one. */
export interface Target {
  readonly room: RoomId;
  readonly peer: AccountId | null;
}

/** The devices a message has to be encrypted for, all checked. */
export interface Roster {
  readonly room: RoomId;
  readonly rosterVersion: number;
  readonly devices: readonly KnownDevice[];
}

/** Rooms, their names and rosters. Names are sealed like messages: nodes cannot read them. */
export class Rooms {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  async list(deadlineMs: number): Promise<RoomLine[]> {
    const lines: RoomLine[] = [];
    for (const summary of await this.summaries(deadlineMs)) {
      lines.push({
        room: summary.room as RoomId,
        kind: summary.kind,
        name: summary.peer?.account ?? (await this.#nameOf(summary, deadlineMs)),
        lastSeq: summary.lastSeq,
      });
    }
    await this.#remember(lines);
    return lines;
  }

  /** @param notBefore a cursor; without it: not older than what this client has caused or seen */
  async summaries(deadlineMs: number, notBefore?: string): Promise<RoomSummaryJson[]> {
    const rooms: RoomSummaryJson[] = [];
    for (let after = ''; ;) {
      const path = `/v1/rooms?limit=${ROOMS_PAGE}${after === '' ? '' : `&after=${after}`}`;
      const page =
        notBefore === undefined
          ? await this.#context.read<RoomsPage>(path, deadlineMs)
          : await this.#context.readSince<RoomsPage>(path, notBefore, deadlineMs);
      rooms.push(...page.rooms);
      if (page.next === null) return rooms;
      after = page.next;
    }
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
      return { room: id, peer: null };
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

  async #named(target: string, deadlineMs: number): Promise<RoomId> {
    const named = (await this.#listOrRecall(deadlineMs)).filter(
      ({ kind, name }) => kind === 'group' && name === target,
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

  /** @throws ParleyError `no_such_user`, `user_key_changed` */
  async person(name: string, deadlineMs: number): Promise<KnownPerson> {
    const wanted = nameIn(name);
    const path = `/v1/accounts/${wanted}`;
    const told = await this.#context.read<AccountJsonT>(path, deadlineMs).catch((error: unknown) => {
      if (error instanceof ParleyError && error.code === 'no_such_user') {
        throw new ParleyError('no_such_user', `There is no user “${wanted}”.`);
      }
      throw error;
    });
    if (told.account !== wanted) throw new ParleyError('no_such_user', `The node answered for another user.`);
    const [person] = await this.#context.people.meet([told]);
    return person!;
  }

  /** The direct room with somebody; it comes into being with the first who asks. */
  async openDirect(peer: AccountId, deadlineMs: number): Promise<RoomId> {
    const { room } = await this.#context.write<{ room: RoomId; cursor: string }>(
      {
        method: 'POST',
        path: '/v1/rooms',
        body: { kind: 'direct', members: [peer], txnId: this.#context.newTxnId() },
      },
      deadlineMs,
    );
    const { row } = await this.#context.own();
    if (room !== directRoomIdOf(row.account, peer)) throw new ParleyError('internal', 'The node named another room.');
    return room;
  }

  async createGroup(name: string, members: readonly string[], deadlineMs: number): Promise<RoomId> {
    const { row } = await this.#context.own();
    const people = await this.#everyone([row.name, ...members], deadlineMs);
    const txnId = this.#context.newTxnId();
    const room = groupRoomIdOf(row.account, txnId);
    const sealedMeta = await this.#sealName(room, 0, name, people, txnId);
    const others = people.map(({ account }) => account).filter((account) => account !== row.account);
    const answer = await this.#context.write<{ room: RoomId; cursor: string }>(
      { method: 'POST', path: '/v1/rooms', body: { kind: 'group', members: others, sealedMeta, txnId } },
      deadlineMs,
    );
    if (answer.room !== room) throw new ParleyError('internal', 'The node named another room.');
    return room;
  }

  /** Adds somebody and seals the name again, so that they can read it too. */
  async add(room: RoomId, name: string, deadlineMs: number): Promise<void> {
    const detail = await this.#detail(room, deadlineMs);
    const current = await this.#context.people.meet(detail.members);
    const person = await this.person(name, deadlineMs);
    const roomName = await this.#nameOf(detail, deadlineMs);
    const txnId = this.#context.newTxnId();
    const everyone = current.some(({ account }) => account === person.account) ? current : [...current, person];
    const sealedMeta =
      roomName === null ? undefined : await this.#sealName(room, detail.rosterVersion, roomName, everyone, txnId);
    await this.#context.write(
      {
        method: 'PUT',
        path: `/v1/rooms/${room}/members/${person.name}`,
        body: { txnId, ...(sealedMeta === undefined ? {} : { sealedMeta }) },
      },
      deadlineMs,
    );
  }

  /** Seals the names of all own groups again, for a device that was enrolled just now. */
  async resealNames(deadlineMs: number): Promise<void> {
    for (const summary of await this.summaries(deadlineMs)) {
      if (summary.sealedMeta === undefined) continue;
      const room = summary.room as RoomId;
      const name = await this.#nameOf(summary, deadlineMs);
      if (name === null) continue;
      const detail = await this.#detail(room, deadlineMs);
      const people = await this.#context.people.meet(detail.members);
      const txnId = this.#context.newTxnId();
      const sealedMeta = await this.#sealName(room, detail.rosterVersion, name, people, txnId);
      await this.#context.write(
        { method: 'PATCH', path: `/v1/rooms/${room}`, body: { sealedMeta, txnId } },
        deadlineMs,
      );
    }
  }

  /** The devices to encrypt for. @throws ParleyError `user_key_changed`, `invalid_signature`, `no_such_room` */
  async roster(room: RoomId, deadlineMs: number): Promise<Roster> {
    const detail = await this.#detail(room, deadlineMs);
    const people = await this.#context.people.meet(detail.members);
    return { room, rosterVersion: detail.rosterVersion, devices: people.flatMap(({ devices }) => devices) };
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

  #detail(room: RoomId, deadlineMs: number): Promise<RoomDetailJson> {
    return this.#context.read<RoomDetailJson>(`/v1/rooms/${room}`, deadlineMs);
  }

  async #everyone(names: readonly string[], deadlineMs: number): Promise<KnownPerson[]> {
    const people = new Map<AccountId, KnownPerson>();
    for (const name of names) {
      const person = await this.person(name, deadlineMs);
      people.set(person.account, person);
    }
    return [...people.values()];
  }

  async #sealName(
    room: RoomId,
    rosterVersion: number,
    name: string,
    people: readonly KnownPerson[],
    txnId: TxnId,
  ): Promise<string> {
    const { keys } = await this.#context.own();
    const { random } = this.#context.platform;
    const envelope = this.#context.conversation.seal({
      purpose: 'room-meta',
      cluster: await this.#cluster(),
      room,
      rosterVersion,
      sender: { device: keys.device, signingSecret: keys.signing.secretKey },
      txnId,
      recipients: people.flatMap(({ devices }) => devices),
      content: encodeContent({ type: 'room-meta', name }),
      r: random(32),
      senderCounter: 0,
    });
    return toBase64Url(envelope);
  }

  async #nameOf(summary: RoomSummaryJson, deadlineMs: number): Promise<string | null> {
    if (summary.sealedMeta === undefined) return null;
    const { keys } = await this.#context.own();
    const envelopeBytes = fromBase64Url(summary.sealedMeta);
    const room = summary.room as RoomId;
    let header: ReturnType<typeof decodeEnvelope>['header'];
    try {
      ({ header } = decodeEnvelope(envelopeBytes));
    } catch {
      return null;
    }
    let sender = await this.#context.people.device(header.sender);
    if (sender === undefined) {
      await this.roster(room, deadlineMs);
      sender = await this.#context.people.device(header.sender);
      if (sender === undefined) return null;
    }
    const opened = this.#context.conversation.open({
      purpose: 'room-meta',
      cluster: await this.#cluster(),
      room,
      envelopeBytes,
      own: { device: keys.device, sealing: keys.sealing },
      sender,
    });
    if (!opened.ok) return null;
    const decoded = decodeContent(opened.content);
    return decoded.ok && decoded.content.type === 'room-meta' ? decoded.content.name : null;
  }

  #cluster(): Promise<ClusterId> {
    return this.#context.cluster();
  }
}

/** @throws ParleyError `no_such_user` for what cannot be a name */
function nameIn(text: string): AccountName {
  const name = text.replace(/^@/, '').toLowerCase();
  if (!isAccountName(name)) throw new ParleyError('no_such_user', `There is no user “${text}”.`);
  return name;
}
