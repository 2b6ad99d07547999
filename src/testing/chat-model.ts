import { decodeEnvelope } from '../protocol/envelope.ts';
import { accountIdOf, directRoomIdOf, groupRoomIdOf, openRoomIdOf, sessionIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { txnTimeMs } from '../protocol/txn-id.ts';
import { encodeCommandBody } from '../protocol/command-codec.ts';
import type { Actor, Command, CommandOf, RoomKind } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/**
 * The chat state once more, as plainly as it can be said: whole objects instead of rows, history instead of
 * counters. Covers what random tests do; bounds on numbers of things are left out.
 */
export type Verdict = { readonly ok: true; readonly what: string } | { readonly ok: false; readonly code: ErrorCode };

interface ModelRoom {
  readonly kind: RoomKind;
  /** Who was taken out of an open room. */
  readonly shutOut: Set<string>;
  /** In order of joining; `joinedSeq` as the first readable number. */
  members: { readonly account: string; role: 'owner' | 'member'; readonly joinedSeq: number }[];
  readonly messages: string[];
}

const ok = (what: string): Verdict => ({ ok: true, what });
const no = (code: ErrorCode): Verdict => ({ ok: false, code });

export class ChatModel {
  readonly names = new Map<string, string>();
  readonly keys = new Map<string, string>();
  readonly firstDevices = new Map<string, string>();
  /** Enrolled devices by account. */
  readonly devices = new Map<string, string[]>();
  /** Every device ever enrolled. */
  readonly known = new Map<string, string>();
  readonly waiting = new Map<string, { readonly account: string; readonly expiresAt: number }>();
  readonly sessions = new Map<
    string,
    { readonly account: string; readonly device: string; ended: boolean; readonly expiresAt: number }
  >();
  readonly challenges = new Map<string, number>();
  readonly rooms = new Map<string, ModelRoom>();
  readonly records = new Map<
    string,
    { readonly content: string; readonly verdict: Verdict; readonly expiresAt: number }
  >();
  /** Counts the changes of each room's members and of their devices. */
  readonly rosterChanges = new Map<string, number>();
  stampMs = 0;

  /** Whom a message in this room must be sealed to, and how often that changed. */
  rosterOf(room: string): { readonly devices: readonly string[]; readonly changes: number } {
    const members = this.rooms.get(room)?.members ?? [];
    const devices = members.flatMap(({ account }) => this.devices.get(account) ?? []);
    return { devices: devices.toSorted(), changes: this.rosterChanges.get(room) ?? 0 };
  }

  /** @param sealedAt the room's count of changes when the envelope was made */
  apply(command: Command, sealedAt: number): Verdict {
    if (command.kind === 'account.register') return this.#register(command);
    if (command.kind === 'message.send') {
      return this.#once(command, this.#contentOf(command), () => this.#send(command, sealedAt));
    }
    if (command.kind === 'state.sweep') return this.#sweep();
    const content = `${command.kind} ${hex(encodeCommandBody(command.kind, command.body))}`;
    return this.#once(command, content, () => this.#change(command));
  }

  #once(command: Command, content: string, run: () => Verdict): Verdict {
    const { body, actor, txnId } = command;
    const principal = actor?.device ?? ('device' in body && typeof body.device === 'string' ? body.device : '');
    const scope = command.kind === 'message.send' ? command.body.room : command.kind;
    const key = `${principal} ${scope} ${txnId}`;
    const record = this.records.get(key);
    if (record !== undefined) return record.content === content ? record.verdict : no('txn_reused');
    const timeMs = txnTimeMs(txnId);
    if (timeMs + LIMITS.txnWindowMs <= this.stampMs) return no('txn_expired');
    if (timeMs > this.stampMs + LIMITS.txnFutureMs) return no('txn_from_future');
    const verdict = run();
    const expiresAt = Math.max(timeMs, this.stampMs) + LIMITS.txnWindowMs;
    if (verdict.ok) this.records.set(key, { content, verdict, expiresAt });
    return verdict;
  }

  #contentOf(command: CommandOf<'message.send'>): string {
    return hex(decodeEnvelope(command.body.envelope).header.contentTag);
  }

  #register({ body }: CommandOf<'account.register'>): Verdict {
    const account = accountIdOf(body.userKey);
    const holder = this.names.get(body.name);
    if (holder === account) return ok(`${account} ${this.firstDevices.get(account)}`);
    if (holder !== undefined) return no('login_exists');
    if (this.keys.has(account)) return no('already_registered');
    if (this.known.has(body.device.device)) return no('device_exists');
    this.names.set(body.name, account);
    this.keys.set(account, body.name);
    this.firstDevices.set(account, body.device.device);
    this.devices.set(account, [body.device.device]);
    this.known.set(body.device.device, account);
    return ok(`${account} ${body.device.device}`);
  }

  #change(command: Command): Verdict {
    if (command.kind === 'device.request') return this.#request(command);
    if (command.kind === 'session.create') return this.#login(command);
    const problem = this.#actorProblem(command.actor);
    if (problem !== undefined) return problem;
    const actor = command.actor!;
    if (command.kind === 'device.approve') return this.#approve(command, actor);
    if (command.kind === 'device.revoke') return this.#revoke(command, actor);
    if (command.kind === 'session.revoke') return this.#logout(command, actor);
    if (command.kind === 'room.create') return this.#create(command, actor);
    if (command.kind === 'room.join') return this.#join(command, actor);
    if (command.kind === 'room.add' || command.kind === 'room.remove') return this.#changeMembers(command, actor);
    throw new Error(`The model has no ${command.kind}.`);
  }

  #request({ body: { account, device } }: CommandOf<'device.request'>): Verdict {
    if (!this.devices.has(account)) return no('no_such_user');
    if (this.known.has(device)) return no('device_exists');
    const open = this.waiting.get(device);
    const isOpen = open !== undefined && open.account === account && open.expiresAt > this.stampMs;
    const expiresAt = isOpen ? open.expiresAt : this.stampMs + LIMITS.deviceRequestTtlMs;
    this.waiting.set(device, { account, expiresAt });
    return ok(`${device} ${expiresAt}`);
  }

  #login({ body, txnId }: CommandOf<'session.create'>): Verdict {
    const { account, device, challengeId, challengeExpiresAt } = body;
    if (!this.devices.has(account)) return no('no_such_user');
    if (!this.devices.get(account)!.includes(device)) return no('no_such_device');
    if (challengeExpiresAt <= this.stampMs) return no('challenge_invalid');
    if (this.challenges.has(hex(challengeId))) return no('challenge_replayed');
    this.challenges.set(hex(challengeId), challengeExpiresAt);
    const session = sessionIdOf(device, txnId);
    const expiresAt = this.stampMs + LIMITS.sessionTtlMs;
    this.sessions.set(session, { account, device, ended: false, expiresAt });
    const open = [...this.sessions.values()].filter((other) => other.device === device && !other.ended);
    if (open.length > LIMITS.sessionsPerDeviceMax) open[0]!.ended = true;
    return ok(`${session} ${expiresAt}`);
  }

  #actorProblem(actor: Actor | null): Verdict | undefined {
    const session = actor === null ? undefined : this.sessions.get(actor.session);
    if (session === undefined || session.account !== actor!.account || session.device !== actor!.device) {
      return no('unauthenticated');
    }
    return session.ended || session.expiresAt <= this.stampMs ? no('session_revoked') : undefined;
  }

  #approve({ body }: CommandOf<'device.approve'>, actor: Actor): Verdict {
    const own = this.devices.get(actor.account)!;
    const { device } = body.record;
    if (own.includes(device)) return no('device_exists');
    const request = this.waiting.get(device);
    if (request === undefined || request.account !== actor.account || request.expiresAt <= this.stampMs) {
      return no('no_such_request');
    }
    this.waiting.delete(device);
    this.known.set(device, actor.account);
    this.devices.set(actor.account, [...own, device]);
    this.#rostersChanged(actor.account);
    return ok(device);
  }

  #revoke({ body: { device } }: CommandOf<'device.revoke'>, actor: Actor): Verdict {
    const own = this.devices.get(actor.account)!;
    const rest = own.filter((other) => other !== device);
    if (rest.length === own.length) return no('no_such_device');
    if (rest.length === 0) return no('forbidden');
    this.devices.set(actor.account, rest);
    for (const session of this.sessions.values()) if (session.device === device) session.ended = true;
    this.#rostersChanged(actor.account);
    return ok(device);
  }

  #logout({ body }: CommandOf<'session.revoke'>, actor: Actor): Verdict {
    const session = this.sessions.get(body.session);
    if (session === undefined || session.account !== actor.account) return no('no_such_session');
    session.ended = true;
    return ok(body.session);
  }

  #create({ body, txnId }: CommandOf<'room.create'>, actor: Actor): Verdict {
    const others = [...new Set<string>(body.members)].filter((account) => account !== actor.account);
    if (others.some((account) => !this.devices.has(account))) return no('no_such_user');
    if (body.kind === 'direct' && others.length !== 1) return no('invalid_field');
    const room =
      body.kind === 'direct'
        ? directRoomIdOf(actor.account, others[0] as Actor['account'])
        : (body.kind === 'open' ? openRoomIdOf : groupRoomIdOf)(actor.account, txnId);
    if (this.rooms.has(room)) return body.kind === 'direct' ? ok(room) : no('txn_reused');
    const members = [actor.account, ...others].map((account, i) => ({
      account,
      role: i === 0 && body.kind !== 'direct' ? ('owner' as const) : ('member' as const),
      joinedSeq: 1,
    }));
    this.rooms.set(room, { kind: body.kind, shutOut: new Set(), members, messages: [] });
    return ok(room);
  }

  #join({ body }: CommandOf<'room.join'>, actor: Actor): Verdict {
    const room = this.rooms.get(body.room);
    if (room?.kind !== 'open') return no('no_such_room');
    if (room.members.some(({ account }) => account === actor.account)) return no('already_member');
    if (room.shutOut.has(actor.account)) return no('forbidden');
    room.members.push({ account: actor.account, role: 'member', joinedSeq: room.messages.length + 1 });
    this.#rosterChanged(body.room);
    return ok(body.room);
  }

  #changeMembers(command: CommandOf<'room.add'> | CommandOf<'room.remove'>, actor: Actor): Verdict {
    const room = this.rooms.get(command.body.room);
    const self = room?.members.find(({ account }) => account === actor.account);
    if (room === undefined || self === undefined) return no('no_such_room');
    if (room.kind === 'direct') return no('not_a_group');
    if (command.kind === 'room.add') {
      if (self.role === 'member') return no('forbidden');
      const present = new Set(room.members.map(({ account }) => account));
      const added = [...new Set<string>(command.body.members)].filter((account) => !present.has(account));
      if (added.length === 0) return no(command.body.members.length === 0 ? 'invalid_field' : 'already_member');
      if (added.some((account) => !this.devices.has(account))) return no('no_such_user');
      const joinedSeq = room.messages.length + 1;
      for (const account of added) room.shutOut.delete(account);
      room.members.push(...added.map((account) => ({ account, role: 'member' as const, joinedSeq })));
      this.#rosterChanged(command.body.room);
      return ok(added.join());
    }
    const member = room.members.find(({ account }) => account === command.body.member);
    if (member === undefined) return no('no_such_user');
    if (member !== self && self.role !== 'owner') return no('forbidden');
    if (member.role === 'owner' && room.members.length > 1) return no('last_owner');
    room.members = room.members.filter((other) => other !== member);
    if (room.kind === 'open' && member !== self) room.shutOut.add(member.account);
    this.#rosterChanged(command.body.room);
    return ok(command.body.room);
  }

  #send(command: CommandOf<'message.send'>, sealedAt: number): Verdict {
    const { actor, body, txnId } = command;
    const problem = this.#actorProblem(actor);
    if (problem !== undefined) return problem;
    const { header } = decodeEnvelope(body.envelope);
    const agrees = header.room === body.room && header.sender === actor!.device && header.txnId === txnId;
    if (!agrees) return no('invalid_envelope');
    const room = this.rooms.get(body.room);
    if (room === undefined || room.members.every(({ account }) => account !== actor!.account)) {
      return no('no_such_room');
    }
    if (room.kind === 'open') return this.#number(room, command);
    const roster = this.rosterOf(body.room);
    const sealedTo = header.recipients.map(({ device }) => device);
    if (sealedAt !== roster.changes || sealedTo.join() !== roster.devices.join()) return no('stale_devices');
    return this.#number(room, command);
  }

  #number(room: ModelRoom, { actor, txnId, body }: CommandOf<'message.send'>): Verdict {
    room.messages.push(`${txnId}-${actor!.device}`);
    return ok(`${body.room} ${room.messages.length}`);
  }

  #rostersChanged(account: string): void {
    for (const [id, room] of this.rooms) {
      if (room.kind !== 'open' && room.members.some((member) => member.account === account)) this.#rosterChanged(id);
    }
  }

  #rosterChanged(room: string): void {
    this.rosterChanges.set(room, (this.rosterChanges.get(room) ?? 0) + 1);
  }

  #sweep(): Verdict {
    for (const [key, { expiresAt }] of this.records) if (expiresAt <= this.stampMs) this.records.delete(key);
    for (const [key, expiresAt] of this.challenges) if (expiresAt <= this.stampMs) this.challenges.delete(key);
    for (const [key, { expiresAt }] of this.sessions) if (expiresAt <= this.stampMs) this.sessions.delete(key);
    return ok('swept');
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
