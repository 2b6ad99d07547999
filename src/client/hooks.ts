import { HOOK_SECRET_BYTES, hookKeysOf, signHookRecord, verifyHookRecord } from '../crypto/hook-keys.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isDeviceId, isOpenRoom } from '../protocol/ids.ts';
import { hookMade, hooksOf, roomWritten } from './answers.ts';
import { userKeyOf } from './identity-keys.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { HookJson } from '../protocol/http/hooks.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { AccountId, AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownDevice } from './people.ts';
import type { Rooms } from './rooms.ts';
import type { HookRow } from './rows.ts';

const CALL_MS_MAX = 30_000;
const NOTHING = new Uint8Array(0);

export interface HookLine {
  readonly room: RoomId;
  readonly hook: DeviceId;
  readonly name: string;
  readonly by: AccountName;
  readonly createdAt: string;
}

export interface MadeHook {
  readonly room: RoomId;
  readonly hook: DeviceId;
  readonly name: string;
  /** Shown this once: nodes do not have it, and this client forgets it. */
  readonly secret: string;
  /** On every node. */
  readonly path: string;
}

/** Webhooks into open rooms: programs that say something there, for whoever made them. */
export class Hooks {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /** @throws ParleyError `usage` for a room that is not open, `forbidden`, `too_many` */
  async add(target: string, name: string): Promise<MadeHook> {
    const room = await this.#openRoom(target);
    const { row } = await this.#context.own();
    const user = userKeyOf(row, this.#context.platform);
    if (user === null) throw new ParleyError('forbidden', 'This device does not hold the key of its account.');
    const secret = this.#context.platform.random(HOOK_SECRET_BYTES);
    const keys = hookKeysOf(secret, this.#context.platform.ed25519);
    const { signingKey, signature } = signHookRecord(user, { keys, room, name });
    const txnId = this.#context.newTxnId();
    const body = { name, signingKey: toBase64Url(signingKey), signature: toBase64Url(signature), txnId };
    const path = `/v1/rooms/${room}/hooks`;
    const answer = hookMade(room, keys.hook);
    await this.#context.write({ method: 'POST', path, body, answer }, CALL_MS_MAX);
    return { room, hook: keys.hook, name, secret: toBase64Url(secret), path: `/v1/hooks/${keys.hook}` };
  }

  /** Those that speak. */
  async list(target: string): Promise<HookLine[]> {
    const room = await this.#openRoom(target);
    const { hooks } = await this.#context.read(`/v1/rooms/${room}/hooks`, hooksOf, CALL_MS_MAX);
    return hooks
      .filter(({ removed }) => !removed)
      .map(({ hook, name, account, createdAt }) => ({
        room,
        hook: hook as DeviceId,
        name,
        by: account as AccountName,
        createdAt,
      }));
  }

  async remove(target: string, hook: string): Promise<RoomId> {
    const room = await this.#openRoom(target);
    if (!isDeviceId(hook)) throw new ParleyError('usage', `“${hook}” is no webhook: parley room hook list shows them.`);
    const path = `/v1/rooms/${room}/hooks/${hook}?txnId=${this.#context.newTxnId()}`;
    await this.#context.write({ method: 'DELETE', path, answer: roomWritten(room) }, CALL_MS_MAX);
    return room;
  }

  async #openRoom(target: string): Promise<RoomId> {
    const { room } = await this.#rooms.resolve(target, CALL_MS_MAX);
    if (isOpenRoom(room)) return room;
    throw new ParleyError('usage', 'Webhooks speak in open rooms; for an encrypted one run parley bridge.');
  }
}

/** A hook that has spoken, as its account vouches for it. */
export interface KnownHook extends KnownDevice {
  readonly name: string;
}

/**
 * Which hook of the room wrote a message: one that the account vouches for which the message says it is from. What was
 * verified once is remembered.
 *
 * @returns undefined where there is no such hook
 */
export async function hookOf(context: ClientContext, message: MessageJsonT): Promise<KnownHook | undefined> {
  const room = message.room as RoomId;
  if (!isOpenRoom(room)) return undefined;
  const hook = message.device as DeviceId;
  const account = message.fromId as AccountId;
  const known = await knownHook(context, room, hook);
  if (known !== undefined) return known;
  const { hooks } = await context.read(`/v1/rooms/${room}/hooks`, hooksOf, CALL_MS_MAX);
  const told = hooks.find((one) => one.hook === hook && one.accountId === account);
  if (told === undefined || !(await isVouchedFor(context, room, told))) return undefined;
  const row: HookRow = { account, room, name: told.name, signingKey: fromBase64Url(told.signingKey) };
  await context.platform.store.transaction(async (tx) => tx.put(KEY.hook(hook), pack(row)));
  return knownHook(context, room, hook);
}

async function knownHook(context: ClientContext, room: RoomId, hook: DeviceId): Promise<KnownHook | undefined> {
  const bytes = await context.platform.store.transaction((tx) => tx.get(KEY.hook(hook)));
  if (bytes === undefined) return undefined;
  const { account, name, signingKey, room: of } = unpack<HookRow>(bytes);
  return of === room ? { device: hook, account, name, signingKey, sealingKey: NOTHING } : undefined;
}

async function isVouchedFor(context: ClientContext, room: RoomId, told: HookJson): Promise<boolean> {
  const account = told.accountId as AccountId;
  const userKey = await context.people.userKeyOf(account);
  if (userKey === undefined) return false;
  return verifyHookRecord(account, userKey, {
    hook: told.hook as DeviceId,
    room,
    name: told.name,
    signingKey: fromBase64Url(told.signingKey),
    signature: fromBase64Url(told.signature),
  });
}
