import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { decodeCommand } from '../protocol/command-codec.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { accountIdOf, directRoomIdOf, groupRoomIdOf, openRoomIdOf, sessionIdOf } from '../protocol/derive-ids.ts';
import { findExpired } from '../chat/queries-sweep.ts';
import { roomDetail } from '../chat/queries-rooms.ts';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import {
  bytesFrom,
  ChatHarness,
  commandBytes,
  envelopeBytes,
  openEnvelopeBytes,
  openNameBytes,
  recordFrom,
  TEST_CLUSTER,
} from './chat-harness.ts';
import { ChatModel } from './chat-model.ts';
import type { Actor, CommandBodies, CommandKind, CommandResult } from '../protocol/commands.ts';
import type { AccountId, AccountName, RoomId, SessionId, StampMs, TxnId } from '../protocol/ids.ts';
import type { Verdict } from './chat-model.ts';

/** What a random history is made of. Numbers choose among what exists when the step runs. */
export type Step =
  | { readonly do: 'register'; readonly who: number; readonly key: number }
  | { readonly do: 'login' | 'request' | 'approve' | 'enrol' | 'revoke'; readonly who: number; readonly device: number }
  | { readonly do: 'logout'; readonly who: number; readonly session: number }
  | { readonly do: 'direct'; readonly who: number; readonly other: number }
  | { readonly do: 'group'; readonly who: number; readonly others: readonly number[] }
  | { readonly do: 'open'; readonly who: number }
  | { readonly do: 'join'; readonly who: number; readonly room: number }
  | { readonly do: 'add' | 'remove'; readonly who: number; readonly room: number; readonly other: number }
  | { readonly do: 'send'; readonly who: number; readonly room: number; readonly text: number }
  | { readonly do: 'repeat'; readonly earlier: number }
  | { readonly do: 'reseal'; readonly earlier: number; readonly otherText: boolean }
  | { readonly do: 'commit' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'sweep' };

const PEOPLE = 4;
const DEVICES = 3;
const pick = fc.nat({ max: 1000 });
const who = fc.nat({ max: PEOPLE - 1 });
const device = fc.nat({ max: DEVICES - 1 });

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant('register' as const), who, key: who }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('login', 'request', 'approve', 'enrol', 'enrol', 'revoke'),
        who,
        device,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('logout' as const), who, session: pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('direct' as const), who, other: who }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('group' as const), who, others: fc.array(who, { maxLength: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), who }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), who, room: pick }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('add', 'remove'), who, room: pick, other: who }),
    },
    { weight: 10, arbitrary: fc.record({ do: fc.constant('send' as const), who, room: pick, text: pick }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('repeat' as const), earlier: pick }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('reseal' as const), earlier: pick, otherText: fc.boolean() }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.constantFrom(1, 30_000, 9 * 60_000, 24 * 3_600_000, 4 * 24 * 3_600_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  ),
  { minLength: 40, maxLength: 200, size: 'max' },
);

interface Sent {
  readonly bytes: Uint8Array;
  /** How often the roster had changed when its envelope was sealed, by the model. */
  readonly sealedAt: number;
}

/**
 * Plays random steps as clients would: each sees the state as of the last log entry, so what it sends may be stale by
 * the time it is applied. The same commands go to the state machine and to the model, entry by entry.
 */
export class ChatHistory {
  readonly chat = new ChatHarness();
  readonly model = new ChatModel();
  /** All entries, to be replayed elsewhere. */
  readonly entries: { readonly stampMs: StampMs; readonly commands: readonly Uint8Array[] }[] = [];
  readonly results: { readonly real: CommandResult; readonly model: Verdict }[] = [];
  readonly #pending: Sent[] = [];
  readonly #sent: Sent[] = [];
  readonly #texts = new Map<TxnId, string>();
  readonly #rooms: RoomId[] = [];
  readonly #sessions: Actor[] = [];

  async play(history: readonly Step[]): Promise<void> {
    for (let i = 0; i < PEOPLE; i++) this.#step({ do: 'register', who: i, key: i });
    this.commit();
    for (let i = 0; i < PEOPLE; i++) this.#step({ do: 'login', who: i, device: 0 });
    this.commit();
    this.#step({ do: 'group', who: 0, others: [1, 2] });
    this.commit();
    for (const step of history) {
      if (step.do === 'sweep') await this.#sweep();
      else this.#step(step);
    }
    this.commit();
  }

  commit(): void {
    if (this.#pending.length === 0) return;
    const sent = this.#pending.splice(0);
    const commands = sent.map(({ bytes }) => bytes);
    this.entries.push({ stampMs: this.chat.stampMs, commands });
    this.model.stampMs = this.chat.stampMs;
    const verdicts = sent.map(({ bytes, sealedAt }) => this.model.apply(decodeCommand(bytes), sealedAt));
    const results = this.chat.apply(...commands);
    for (const [i, real] of results.entries()) this.results.push({ real, model: verdicts[i]! });
  }

  #step(step: Exclude<Step, { readonly do: 'sweep' }>): void {
    switch (step.do) {
      case 'register': {
        const body = { name: nameOf(step.who), userKey: keyOf(step.key), device: recordFrom(`${step.key}/0`) };
        return this.#submit('account.register', null, body);
      }
      case 'login': {
        const txnId = this.chat.txn();
        const { device } = recordFrom(`${step.who}/${step.device}`);
        const account = idOf(step.who);
        this.#sessions.push({ account, device, session: sessionIdOf(device, txnId) });
        return this.#submit('session.create', null, this.chat.sessionBody(account, device, txnId), txnId);
      }
      case 'request': {
        const { device, signingKey, sealingKey } = recordFrom(`${step.who}/${step.device}`);
        return this.#submit('device.request', null, { account: idOf(step.who), device, signingKey, sealingKey });
      }
      case 'approve': {
        const record = recordFrom(`${step.who}/${step.device}`);
        const body = { record, sealedUserKey: bytesFrom('sealed') };
        return this.#submit('device.approve', this.#actor(step.who), body);
      }
      case 'enrol': {
        this.#step({ ...step, do: 'request' });
        return this.#step({ ...step, do: 'approve' });
      }
      case 'revoke': {
        const { device } = recordFrom(`${step.who}/${step.device}`);
        return this.#submit('device.revoke', this.#actor(step.who), { device });
      }
      case 'logout': {
        const session = (this.#sessions[step.session % this.#sessions.length]?.session ?? 'S') as SessionId;
        return this.#submit('session.revoke', this.#actor(step.who), { session });
      }
      case 'direct': {
        this.#rooms.push(directRoomIdOf(idOf(step.who), idOf(step.other)));
        return this.#submit('room.create', this.#actor(step.who), { kind: 'direct', members: [idOf(step.other)] });
      }
      case 'group': {
        const txnId = this.chat.txn();
        this.#rooms.push(groupRoomIdOf(idOf(step.who), txnId));
        const body = { kind: 'group', members: step.others.map(idOf) } as const;
        return this.#submit('room.create', this.#actor(step.who), body, txnId);
      }
      case 'open': {
        const actor = this.#actor(step.who);
        const txnId = this.chat.txn();
        const room = openRoomIdOf(actor.account, txnId);
        this.#rooms.push(room);
        const sealedMeta = openNameBytes(actor, room, `room ${txnId}`);
        return this.#submit('room.create', actor, { kind: 'open', members: [], sealedMeta }, txnId);
      }
      case 'join':
        return this.#submit('room.join', this.#actor(step.who), { room: this.#room(step.room) });
      case 'add': {
        const body = { room: this.#room(step.room), members: [idOf(step.other)] };
        return this.#submit('room.add', this.#actor(step.who), body);
      }
      case 'remove': {
        const body = { room: this.#room(step.room), member: idOf(step.other) };
        return this.#submit('room.remove', this.#actor(step.who), body);
      }
      case 'send':
        return this.#send(this.#actor(step.who), this.#room(step.room), `text ${step.text}`, this.chat.txn());
      case 'repeat': {
        const earlier = this.#sent[step.earlier % this.#sent.length];
        if (earlier !== undefined) this.#pending.push(earlier);
        return undefined;
      }
      case 'reseal':
        return this.#reseal(step.earlier, step.otherText);
      case 'wait':
        this.commit();
        return this.chat.wait(step.ms);
      case 'commit':
        return this.commit();
    }
  }

  #submit<K extends CommandKind>(
    kind: K,
    actor: Actor | null,
    body: CommandBodies[K],
    txnId: TxnId = this.chat.txn(),
    sealedAt = 0,
  ): void {
    const sent = { bytes: commandBytes(kind, actor, body, txnId), sealedAt };
    this.#pending.push(sent);
    this.#sent.push(sent);
  }

  /** As a client does: sealed for the roster that the room shows now. */
  #send(actor: Actor, room: RoomId, text: string, txnId: TxnId): void {
    if (!this.#texts.has(txnId)) this.#texts.set(txnId, text);
    if (isOpenRoom(room)) {
      const envelope = openEnvelopeBytes({ room, sender: actor.device, txnId }, utf8ToBytes(text));
      return this.#submit('message.send', actor, { room, envelope }, txnId);
    }
    const roster = this.model.rosterOf(room);
    const detail = roomDetail(this.chat.view, actor.account, room);
    const recipients = (detail?.members ?? [])
      .flatMap(({ devices }) => devices)
      .map(({ device, sealingKey }) => ({ device, keyHash: sha256(sealingKey) }))
      .toSorted((a, b) => (a.device < b.device ? -1 : 1));
    const envelope = envelopeBytes(
      {
        cluster: TEST_CLUSTER,
        room,
        rosterVersion: detail?.rosterVersion ?? 0,
        sender: actor.device,
        txnId,
        contentTag: bytesFrom(text),
        recipients,
        keyCommitment: bytesFrom('commitment'),
        senderCounter: 1,
      },
      `noise ${this.#sent.length}`,
    );
    this.#submit('message.send', actor, { room, envelope }, txnId, roster.changes);
  }

  /** A retry after a refusal or a lost reply: encrypted again for the roster of now, perhaps with other content. */
  #reseal(earlier: number, otherText: boolean): void {
    const messages = this.#sent.map(({ bytes }) => decodeCommand(bytes)).filter(({ kind }) => kind === 'message.send');
    const command = messages[earlier % messages.length];
    if (command === undefined || command.kind !== 'message.send') return;
    const text = otherText ? 'other content' : this.#texts.get(command.txnId)!;
    this.#send(command.actor!, command.body.room, text, command.txnId);
  }

  async #sweep(): Promise<void> {
    this.commit();
    for (;;) {
      const keys = await findExpired(this.chat.view, this.chat.stampMs, 50);
      this.#pending.push({ bytes: commandBytes('state.sweep', null, { keys }, this.chat.txn()), sealedAt: 0 });
      this.commit();
      if (keys.length === 0) return;
    }
  }

  #actor(who: number): Actor {
    const account = idOf(who);
    return this.#sessions.findLast((session) => session.account === account)!;
  }

  #room(choice: number): RoomId {
    return this.#rooms[choice % this.#rooms.length]!;
  }
}

const nameOf = (who: number) => `person${who}` as AccountName;
const keyOf = (who: number) => bytesFrom(`user ${who}`);
const idOf = (who: number): AccountId => accountIdOf(keyOf(who));
