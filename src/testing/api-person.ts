import { randomBytes } from 'node:crypto';
import { createInterimConversation } from '../crypto/conversation-interim.ts';
import {
  createDeviceKeys,
  createUserKey,
  publicDeviceKeys,
  signDeviceRecord,
  signSessionChallenge,
} from '../crypto/identity.ts';
import { nodeEd25519 } from '../crypto/node-ed25519.ts';
import { nodeX25519 } from '../crypto/node-x25519.ts';
import { createSessionSecret, formatAccessToken } from '../crypto/tokens.ts';
import { encodeContent } from '../protocol/content.ts';
import { openRoomIdOf } from '../protocol/derive-ids.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { TestSocket } from './test-socket.ts';
import type { DeviceKeys, UserKey } from '../crypto/identity.ts';
import type { SessionSecret } from '../crypto/tokens.ts';
import type { EnvelopeExtensions } from '../protocol/envelope-extensions.ts';
import type { ProblemJson, RoomDetailJson } from '../protocol/http/schemas.ts';
import type { AccountId, ClusterId, DeviceId, RoomId, SessionId, TxnId } from '../protocol/ids.ts';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const conversation = createInterimConversation({ random, ed25519: nodeEd25519, x25519: nodeX25519 });

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** The form of a problem, whatever the route answers otherwise. */
export type Refusal = Answer<ProblemJson>;

export interface OpenSession {
  readonly session: SessionId;
  readonly token: string;
  readonly refresh: SessionSecret;
}

export interface RefreshAttempt {
  readonly json: object;
  readonly access: SessionSecret;
  readonly refresh: SessionSecret;
  readonly spent: SessionSecret;
}

let txns = 0;

/** A fresh transaction id, later than all before. */
export function nextTxnId(): TxnId {
  txns += 1;
  const tail = random(10);
  new DataView(tail.buffer).setUint32(0, txns);
  return makeTxnId(Date.now(), tail);
}

export async function call<T>(
  url: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer<T>> {
  const { token, json, headers } = options;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: typeof json === 'string' ? json : JSON.stringify(json) }),
  });
  const text = await response.text();
  const body = (text === '' ? null : JSON.parse(text)) as T;
  return { status: response.status, headers: response.headers, body };
}

export interface CallOptions {
  readonly token?: string;
  /** Text is sent as it is. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Somebody with one device who speaks the API as it is written, with nothing between. */
export class ApiPerson {
  readonly name: string;
  readonly user: UserKey;
  readonly device: DeviceKeys;
  url: string;
  cluster: ClusterId | null = null;
  open: OpenSession | null = null;
  #counter = 0;

  constructor(url: string, name: string, parts: { user?: UserKey; device?: DeviceKeys } = {}) {
    this.url = url;
    this.name = name;
    this.user = parts.user ?? createUserKey(random);
    this.device = parts.device ?? createDeviceKeys(random);
  }

  /** Registered and logged in. */
  static async join(url: string, name: string): Promise<ApiPerson> {
    const person = new ApiPerson(url, name);
    const answer = await person.register();
    if (answer.status !== 200) throw new Error(`register: ${JSON.stringify(answer.body)}`);
    await person.login();
    return person;
  }

  get account(): AccountId {
    return this.user.account;
  }

  get deviceId(): DeviceId {
    return this.device.device;
  }

  get token(): string {
    return this.open?.token ?? '';
  }

  call<T>(method: string, path: string, json?: unknown): Promise<Answer<T>> {
    return call<T>(this.url, method, path, { token: this.token, ...(json === undefined ? {} : { json }) });
  }

  register<T>(extra: object = {}): Promise<Answer<T>> {
    return call<T>(this.url, 'POST', '/v1/accounts', { json: { ...this.registration(), ...extra } });
  }

  registration(): { name: string; userKey: string; device: object; txnId: TxnId } {
    return {
      name: this.name,
      userKey: toBase64Url(this.user.signing.publicKey),
      device: this.deviceRecord(),
      txnId: nextTxnId(),
    };
  }

  deviceRecord(): { device: string; signingKey: string; sealingKey: string; signature: string } {
    const record = signDeviceRecord(this.user, publicDeviceKeys(this.device));
    return {
      device: record.device,
      signingKey: toBase64Url(record.signingKey),
      sealingKey: toBase64Url(record.sealingKey),
      signature: toBase64Url(record.signature),
    };
  }

  /** What `POST /v1/sessions` takes, for a fresh challenge. */
  async loginBody(
    origin: string = this.url,
  ): Promise<{ body: Record<string, unknown>; access: SessionSecret; refresh: SessionSecret }> {
    const asked = await call<{ cluster: ClusterId; accountId: AccountId; challenge: string }>(
      this.url,
      'POST',
      '/v1/sessions/challenge',
      { json: { account: this.name, device: this.deviceId } },
    );
    if (asked.status !== 200) throw new Error(`challenge: ${JSON.stringify(asked.body)}`);
    const { cluster, challenge } = asked.body;
    this.cluster = cluster;
    const access = createSessionSecret(random);
    const refresh = createSessionSecret(random);
    const proof = {
      cluster,
      origin,
      account: this.account,
      challenge: fromBase64Url(challenge),
      accessHash: access.hash,
      refreshHash: refresh.hash,
    };
    const body = {
      account: this.name,
      device: this.deviceId,
      origin,
      challenge,
      accessHash: toBase64Url(access.hash),
      refreshHash: toBase64Url(refresh.hash),
      signature: toBase64Url(signSessionChallenge(this.device, proof)),
      txnId: nextTxnId(),
    };
    return { body, access, refresh };
  }

  async login(): Promise<OpenSession> {
    const { body, access, refresh } = await this.loginBody();
    const answer = await call<{ session: SessionId }>(this.url, 'POST', '/v1/sessions', { json: body });
    if (answer.status !== 200) throw new Error(`login: ${JSON.stringify(answer.body)}`);
    const { session } = answer.body;
    this.open = { session, token: formatAccessToken(session, access.secret), refresh };
    return this.open;
  }

  /** What `POST /v1/sessions/refresh` takes; `spend`: another secret than the current one. */
  refreshBody(spend: SessionSecret = this.open!.refresh): RefreshAttempt {
    const access = createSessionSecret(random);
    const refresh = createSessionSecret(random);
    const json = {
      session: this.open!.session,
      refreshSecret: toBase64Url(spend.secret),
      accessHash: toBase64Url(access.hash),
      refreshHash: toBase64Url(refresh.hash),
      txnId: nextTxnId(),
    };
    return { json, access, refresh, spent: spend };
  }

  refresh<T>(json: object): Promise<Answer<T>> {
    return call<T>(this.url, 'POST', '/v1/sessions/refresh', { json });
  }

  /** Goes on with the secrets of a refresh that succeeded. */
  take({ access, refresh }: RefreshAttempt): void {
    const { session } = this.open!;
    this.open = { session, token: formatAccessToken(session, access.secret), refresh };
  }

  async directRoom(peer: ApiPerson): Promise<RoomId> {
    return this.createRoom('direct', [peer.account]);
  }

  async createRoom(kind: 'direct' | 'group', members: readonly AccountId[]): Promise<RoomId> {
    const answer = await this.call<{ room: RoomId }>('POST', '/v1/rooms', { kind, members, txnId: nextTxnId() });
    if (answer.status !== 200) throw new Error(`room: ${JSON.stringify(answer.body)}`);
    return answer.body.room;
  }

  async createOpenRoom(name: string): Promise<RoomId> {
    const txnId = nextTxnId();
    const room = openRoomIdOf(this.account, txnId);
    const sealedMeta = this.sealOpenRoomName(room, name, txnId);
    const answer = await this.call('POST', '/v1/rooms', { kind: 'open', members: [], sealedMeta, txnId });
    if (answer.status !== 200) throw new Error(`room: ${JSON.stringify(answer.body)}`);
    return room;
  }

  /** The name of a room that is not encrypted, as base64url. */
  sealOpenRoomName(room: RoomId, name: string, txnId: TxnId): string {
    return toBase64Url(
      conversation.seal({
        purpose: 'room-meta',
        cluster: this.cluster!,
        room,
        rosterVersion: 0,
        sender: { device: this.deviceId, signingSecret: this.device.signing.secretKey },
        txnId,
        recipients: [],
        content: encodeContent({ type: 'room-meta', name }),
        r: random(32),
        senderCounter: 0,
      }),
    );
  }

  async room(room: string): Promise<RoomDetailJson> {
    return (await this.call<RoomDetailJson>('GET', `/v1/rooms/${room}`)).body;
  }

  /** An envelope for the roster given, as base64url. */
  seal(
    roster: RoomDetailJson,
    txnId: TxnId,
    text: string,
    r: Uint8Array = random(32),
    extensions: EnvelopeExtensions = {},
  ): string {
    this.#counter += 1;
    const recipients = roster.members.flatMap(({ devices }) =>
      devices.map(({ device, sealingKey }) => ({ device: device as DeviceId, sealingKey: fromBase64Url(sealingKey) })),
    );
    return toBase64Url(
      conversation.seal({
        purpose: 'message',
        cluster: this.cluster!,
        room: roster.room as RoomId,
        rosterVersion: roster.rosterVersion,
        sender: { device: this.deviceId, signingSecret: this.device.signing.secretKey },
        txnId,
        recipients,
        content: new TextEncoder().encode(text),
        r,
        extensions,
        senderCounter: this.#counter,
      }),
    );
  }

  /** Sends by HTTP. */
  send<T>(roster: RoomDetailJson, text: string, txnId: TxnId = nextTxnId()): Promise<Answer<T>> {
    const envelope = this.seal(roster, txnId, text);
    return this.call<T>('PUT', `/v1/rooms/${roster.room}/messages/${txnId}`, { envelope });
  }

  /** A socket that has been greeted. */
  async connect(): Promise<TestSocket> {
    const socket = new TestSocket(this.url);
    await socket.next('hello');
    return socket;
  }

  /** A socket whose live feed is open. */
  async live(cursor?: string): Promise<TestSocket> {
    const socket = await this.connect();
    socket.send(
      cursor === undefined ? { type: 'identify', token: this.token } : { type: 'resume', token: this.token, cursor },
    );
    await socket.next('ready');
    return socket;
  }
}
