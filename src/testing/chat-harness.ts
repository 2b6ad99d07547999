import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { createApplyContext } from '../chat/apply-context.ts';
import { applyBatch } from '../chat/apply.ts';
import { roomDetail } from '../chat/queries-rooms.ts';
import { encodeCommand } from '../protocol/command-codec.ts';
import { encodeContent } from '../protocol/content.ts';
import { clusterIdOf, deviceIdOf, openRoomIdOf, sessionIdOf } from '../protocol/derive-ids.ts';
import { encodeEnvelope, encodeEnvelopeHeader } from '../protocol/envelope.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { MapStateView } from './map-state-view.ts';
import type { ApplyContext } from '../chat/apply-context.ts';
import type {
  Actor,
  CommandBodies,
  CommandKind,
  CommandOf,
  CommandResult,
  CommandValues,
} from '../protocol/commands.ts';
import type { RequestSource } from '../protocol/audit.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { AccountId, AccountName, BlobId, ClusterId, NodeName, RoomId, StampMs, TxnId } from '../protocol/ids.ts';

/** Someone with one device and one session; keys are hashes of labels, signatures are not real. */
export interface Person extends Actor {
  readonly name: AccountName;
  readonly userKey: Uint8Array;
  readonly record: DeviceRecord;
}

export const TEST_CLUSTER: ClusterId = clusterIdOf(new Uint8Array(16));
const TEST_SOURCE: RequestSource = { node: 'n1' as NodeName, address: '192.0.2.1' };
const START_MS = Date.UTC(2026, 0, 1);

export const bytesFrom = (label: string): Uint8Array => sha256(utf8ToBytes(label));

/** A signature that `ChatHarness` takes for a wrong one. */
export const BAD_SIGNATURE = new Uint8Array(64).fill(0xff);

export function recordFrom(label: string): DeviceRecord {
  const signingKey = bytesFrom(`signing ${label}`);
  const sealingKey = bytesFrom(`sealing ${label}`);
  return { device: deviceIdOf(signingKey), signingKey, sealingKey, signature: new Uint8Array(64) };
}

/** One replica of the chat state, with time and log index of its own. */
export class ChatHarness {
  readonly view = new MapStateView();
  readonly events: PlacedEvent[] = [];
  readonly touchedBlobs = new Set<BlobId>();
  readonly context: ApplyContext;
  stampMs = START_MS as StampMs;
  #txns = 0;

  constructor() {
    this.context = createApplyContext(TEST_CLUSTER, {
      verifyDeviceRecord: (_account, _userKey, record) => record.signature[0] !== 0xff,
      verifyUserSignature: (_userKey, _message, signature) => signature[0] !== 0xff,
    });
  }

  /** One log entry. */
  apply(...commands: readonly Uint8Array[]): readonly CommandResult[] {
    const index = this.view.appliedIndex + 1;
    const { results, events, blobs } = applyBatch(this.view, { index, stampMs: this.stampMs, commands }, this.context);
    this.view.appliedIndex = index;
    this.events.push(...events);
    for (const blob of blobs) this.touchedBlobs.add(blob);
    return results;
  }

  run<K extends CommandKind>(
    kind: K,
    actor: Actor | null,
    body: CommandBodies[K],
    txnId: TxnId = this.txn(),
  ): CommandResult<K> {
    return this.apply(commandBytes(kind, actor, body, txnId))[0] as CommandResult<K>;
  }

  /** Like `run`, for what must succeed. */
  must<K extends CommandKind>(
    kind: K,
    actor: Actor | null,
    body: CommandBodies[K],
    txnId: TxnId = this.txn(),
  ): CommandValues[K] {
    const result = this.run(kind, actor, body, txnId);
    if (!result.ok) throw new Error(`${kind} was refused: ${result.code} ${result.detail ?? ''}`);
    return result.value;
  }

  /** The code of a refusal, `ok` without one. */
  code<K extends CommandKind>(
    kind: K,
    actor: Actor | null,
    body: CommandBodies[K],
    txnId: TxnId = this.txn(),
  ): ErrorCode | 'ok' {
    const result = this.run(kind, actor, body, txnId);
    return result.ok ? 'ok' : result.code;
  }

  /** A fresh transaction id at the leader's time, greater than those before it at the same time. */
  txn(timeMs: number = this.stampMs): TxnId {
    const random = new Uint8Array(10);
    new DataView(random.buffer).setUint32(6, ++this.#txns);
    return makeTxnId(timeMs, random);
  }

  wait(ms: number): void {
    this.stampMs = (this.stampMs + ms) as StampMs;
  }

  register(name: string): Person {
    const userKey = bytesFrom(`user ${name}`);
    const record = recordFrom(`${name}/1`);
    const { account } = this.must('account.register', null, { name: name as AccountName, userKey, device: record });
    return this.login({ account, name: name as AccountName, userKey, record });
  }

  /** A session for an enrolled device. */
  login(who: Omit<Person, 'device' | 'session'>): Person {
    const txnId = this.txn();
    const { device } = who.record;
    this.must('session.create', null, this.sessionBody(who.account, device, txnId), txnId);
    return { ...who, device, session: sessionIdOf(device, txnId) };
  }

  sessionBody(account: AccountId, device: Actor['device'], label: string): CommandBodies['session.create'] {
    return {
      account,
      device,
      challengeId: bytesFrom(`challenge ${label}`),
      challengeExpiresAt: (this.stampMs + 60_000) as StampMs,
      accessHash: bytesFrom(`access ${label}`),
      refreshHash: bytesFrom(`refresh ${label}`),
    };
  }

  /** Another device of the same person, requested and approved, and logged in. */
  enrol(person: Person, label: string): Person {
    const record = recordFrom(`${person.name}/${label}`);
    const { device, signingKey, sealingKey } = record;
    this.must('device.request', null, { account: person.account, device, signingKey, sealingKey });
    this.must('device.approve', person, { record, sealedUserKey: bytesFrom('sealed') });
    return this.login({ ...person, record });
  }

  directRoom(a: Person, b: Person): RoomId {
    return this.must('room.create', a, { kind: 'direct', members: [b.account] }).room;
  }

  groupRoom(owner: Person, ...members: readonly Person[]): RoomId {
    const body = { kind: 'group', members: members.map(({ account }) => account) } as const;
    return this.must('room.create', owner, body).room;
  }

  /** Anybody may join it. */
  openRoom(owner: Person, name: string, ...members: readonly Person[]): RoomId {
    const txnId = this.txn();
    const sealedMeta = openNameBytes(owner, openRoomIdOf(owner.account, txnId), name);
    const body = { kind: 'open', members: members.map(({ account }) => account), sealedMeta } as const;
    return this.must('room.create', owner, body, txnId).room;
  }

  /** An envelope for the current roster, as its sender sees it. `changes` makes it disagree. */
  envelope(
    sender: Person,
    room: RoomId,
    txnId: TxnId,
    text: string,
    changes: Partial<EnvelopeHeader> = {},
    noise = '',
  ): Uint8Array {
    if (isOpenRoom(room))
      return openEnvelopeBytes({ room, sender: sender.device, txnId, ...changes }, utf8ToBytes(text));
    const detail = roomDetail(this.view, sender.account, room);
    const recipients = (detail?.members ?? [])
      .flatMap(({ devices }) => devices)
      .map(({ device, sealingKey }) => ({ device, keyHash: sha256(sealingKey) }))
      .toSorted((a, b) => (a.device < b.device ? -1 : 1));
    return envelopeBytes(
      {
        cluster: TEST_CLUSTER,
        room,
        rosterVersion: detail?.rosterVersion ?? 0,
        sender: sender.device,
        txnId,
        contentTag: bytesFrom(`content ${text}`),
        recipients,
        keyCommitment: bytesFrom('commitment'),
        senderCounter: 1,
        ...changes,
      },
      noise,
    );
  }

  send(sender: Person, room: RoomId, text: string, txnId: TxnId = this.txn()): CommandResult<'message.send'> {
    return this.run('message.send', sender, { room, envelope: this.envelope(sender, room, txnId, text) }, txnId);
  }
}

export function commandBytes<K extends CommandKind>(
  kind: K,
  actor: Actor | null,
  body: CommandBodies[K],
  txnId: TxnId,
): Uint8Array {
  const plain = actor === null ? null : { account: actor.account, device: actor.device, session: actor.session };
  const command: CommandOf<K> = { kind, actor: plain, txnId, body, source: TEST_SOURCE };
  return encodeCommand(command);
}

/** @param noise makes a re-encryption: other bytes, same header */
export function envelopeBytes(header: EnvelopeHeader, noise = ''): Uint8Array {
  return encodeEnvelope({
    headerBytes: encodeEnvelopeHeader(header),
    nonce: bytesFrom(`nonce ${noise}`).subarray(0, 24),
    ciphertext: bytesFrom(`ciphertext ${noise}`),
    wraps: header.recipients.map(() => new Uint8Array(80)),
    signature: new Uint8Array(64),
  });
}

/** As a message of an open room, but unsigned. */
export function openEnvelopeBytes(
  header: Pick<EnvelopeHeader, 'room' | 'sender' | 'txnId'> & Partial<EnvelopeHeader>,
  content: Uint8Array,
): Uint8Array {
  return encodeEnvelope({
    headerBytes: encodeEnvelopeHeader({
      cluster: TEST_CLUSTER,
      rosterVersion: 0,
      contentTag: sha256(content),
      recipients: [],
      keyCommitment: new Uint8Array(32),
      senderCounter: 1,
      ...header,
    }),
    nonce: new Uint8Array(24),
    ciphertext: Uint8Array.from([...new Uint8Array(32), ...content]),
    wraps: [],
    signature: new Uint8Array(64),
  });
}

export function openNameBytes(by: Pick<Actor, 'device'>, room: RoomId, name: string, topic?: string): Uint8Array {
  const meta = { type: 'room-meta', name, ...(topic === undefined ? {} : { topic }) } as const;
  const header = { room, sender: by.device, txnId: makeTxnId(START_MS, new Uint8Array(10)) };
  return openEnvelopeBytes(header, encodeContent(meta));
}
