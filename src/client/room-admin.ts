import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url, isBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isRoomId } from '../protocol/ids.ts';
import { linkMade, links, roomWritten } from './answers.ts';
import { openRoomMeta } from './room-names.ts';
import { rosterOf } from './rosters.ts';
import type { Role } from '../protocol/commands.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { RoomMeta } from './room-names.ts';
import type { Rooms } from './rooms.ts';

const SECRET_BYTES = 16;

export interface LinkLine {
  readonly room: RoomId;
  /** By which a link is revoked; it lets nobody in. */
  readonly id: string;
  readonly by: AccountName;
  readonly expiresAt: string;
  readonly usesLeft: number;
}

/** What owner, admins and members do to a room and to each other in it. */
export class RoomAdmin {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /**
   * Changes name or topic; what is not given stays. An empty topic is none.
   * @throws ParleyError `unreadable` when this device cannot read what is to stay, `not_a_group`
   */
  async describe(target: string, change: Partial<RoomMeta>, deadlineMs: number): Promise<RoomId> {
    if (change.name !== undefined) this.#rooms.checkName(change.name);
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const roster = await rosterOf(this.#context, room, deadlineMs, { newest: true });
    const now = await openRoomMeta(this.#context, room, roster, deadlineMs);
    const name = change.name ?? now?.name;
    if (name === undefined) throw new ParleyError('unreadable', 'This device cannot read the name of this room.');
    const topic = change.topic ?? now?.topic ?? '';
    await this.#rooms.setMeta(room, topic === '' ? { name } : { name, topic }, deadlineMs);
    return room;
  }

  archive(target: string, archived: boolean, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PATCH', '', { archived }, deadlineMs);
  }

  /** @param ttlMs what is written from now on disappears after so long; 0 for never */
  setTtl(target: string, ttlMs: number, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PATCH', '', { messageTtlMs: ttlMs }, deadlineMs);
  }

  /** @param retentionMs messages go so long after they were taken, older ones too; 0 for as long as the server says */
  setRetention(target: string, retentionMs: number, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PATCH', '', { retentionMs }, deadlineMs);
  }

  /** @throws ParleyError `last_owner`, `forbidden` */
  async leave(target: string, deadlineMs: number): Promise<RoomId> {
    const { row } = await this.#context.own();
    return this.remove(target, row.name, deadlineMs);
  }

  remove(target: string, member: string, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'DELETE', memberPath(member), null, deadlineMs);
  }

  setRole(target: string, member: string, role: Role, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PATCH', memberPath(member), { role }, deadlineMs);
  }

  /** @param forMs 0 lets the member write again */
  mute(target: string, member: string, forMs: number, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PATCH', memberPath(member), { mutedForMs: forMs }, deadlineMs);
  }

  pin(target: string, seq: number, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'PUT', `/pins/${seq}`, {}, deadlineMs);
  }

  unpin(target: string, seq: number, deadlineMs: number): Promise<RoomId> {
    return this.#change(target, 'DELETE', `/pins/${seq}`, null, deadlineMs);
  }

  /** @returns the link as people hand it on: it holds the secret, which no node has seen yet */
  async invite(
    target: string,
    { ttlMs, usesMax }: { readonly ttlMs: number; readonly usesMax: number },
    deadlineMs: number,
  ): Promise<{ room: RoomId; link: string; id: string; expiresAt: string }> {
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const secret = this.#context.platform.random(SECRET_BYTES);
    const id = toBase64Url(sha256(secret));
    const body = { secretHash: id, ttlMs, usesMax, txnId: this.#context.newTxnId() };
    const request = { method: 'POST', path: `/v1/rooms/${room}/links`, body, answer: linkMade(room) } as const;
    const { expiresAt } = await this.#context.write(request, deadlineMs);
    return { room, link: `${room}.${toBase64Url(secret)}`, id, expiresAt };
  }

  async invites(target: string, deadlineMs: number): Promise<readonly LinkLine[]> {
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const told = await this.#context.read(`/v1/rooms/${room}/links`, links, deadlineMs);
    return told.links.map(({ secretHash, by, expiresAt, usesLeft }) => ({
      room,
      id: secretHash,
      by: by as AccountName,
      expiresAt,
      usesLeft,
    }));
  }

  revokeInvite(target: string, id: string, deadlineMs: number): Promise<RoomId> {
    if (!isBase64Url(id) || fromBase64Url(id).length !== 32) {
      throw new ParleyError('usage', `“${id}” is no id of a link: parley room invites shows them.`);
    }
    return this.#change(target, 'DELETE', `/links/${id}`, null, deadlineMs);
  }

  /** Tells the cluster that everything up to `seq` was read. */
  async markRead(target: string, seq: number, deadlineMs: number): Promise<RoomId> {
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const path = `/v1/rooms/${room}/receipts`;
    const request = { method: 'PUT', path, body: { delivered: seq, read: seq }, answer: roomWritten(room) } as const;
    await this.#context.write(request, deadlineMs);
    return room;
  }

  /** @param link as `invite` gave it to somebody */
  async join(link: string, deadlineMs: number): Promise<RoomId> {
    const [room = '', secret = '', ...more] = link.trim().split('.');
    if (!isRoomId(room) || !isBase64Url(secret) || fromBase64Url(secret).length !== SECRET_BYTES || more.length > 0) {
      throw new ParleyError('usage', 'A link into a room looks like R….…, as parley room invite prints it.');
    }
    const body = { secret, txnId: this.#context.newTxnId() };
    const request = { method: 'POST', path: `/v1/rooms/${room}/join`, body, answer: roomWritten(room) } as const;
    await this.#context.write(request, deadlineMs);
    return room;
  }

  /** @param body null where the transaction id goes into the query */
  async #change(
    target: string,
    method: 'PUT' | 'PATCH' | 'DELETE',
    tail: string,
    body: object | null,
    deadlineMs: number,
  ): Promise<RoomId> {
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const txnId = this.#context.newTxnId();
    const path = `/v1/rooms/${room}${tail}${body === null ? `?txnId=${txnId}` : ''}`;
    const answer = roomWritten(room);
    await this.#context.write(
      body === null ? { method, path, answer } : { method, path, body: { ...body, txnId }, answer },
      deadlineMs,
    );
    return room;
  }
}

const memberPath = (name: string): string => `/members/${encodeURIComponent(name.replace(/^@/, '').toLowerCase())}`;
