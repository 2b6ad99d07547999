import { KEY, pack, unpack } from './rows.ts';
import { isFirstUserKey, verifyDeviceRecord } from '../crypto/verify.ts';
import { fromBase64Url } from '../protocol/base64url.ts';
import { directRoomIdOf } from '../protocol/derive-ids.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { Platform } from './platform.ts';
import type { DeviceRow, PinRow } from './rows.ts';
import type { StoreTransaction } from './store.ts';
import type { AccountId, AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { AccountJsonT } from '../protocol/http/schemas.ts';

/** A person as nodes tell of them: an account object, or a member of a room. */
export type ToldPerson = Pick<AccountJsonT, 'account' | 'accountId' | 'userKey' | 'devices'>;

export interface KnownDevice {
  readonly device: DeviceId;
  readonly account: AccountId;
  readonly signingKey: Uint8Array;
  readonly sealingKey: Uint8Array;
}

export interface KnownPerson {
  readonly name: AccountName;
  readonly account: AccountId;
  readonly devices: readonly KnownDevice[];
}

/**
 * Who people are, as this client has seen it: user keys are pinned at first sight, and devices count only when the
 * pinned key signed them. Nodes are not trusted with either.
 */
export class People {
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /**
   * Checks what a node tells, pins who is new, remembers the devices.
   * @throws ParleyError `user_key_changed`, `invalid_signature` (a device that is not theirs); then nothing is kept
   */
  async meet(told: readonly ToldPerson[]): Promise<readonly KnownPerson[]> {
    return this.#platform.store.transaction(async (tx) => {
      const people: KnownPerson[] = [];
      for (const person of told) people.push(await meetOne(tx, person));
      return people;
    });
  }

  /** The account of a person met before, or undefined. */
  async pinned(name: AccountName): Promise<AccountId | undefined> {
    const bytes = await this.#platform.store.transaction((tx) => tx.get(KEY.pinName(name)));
    return bytes === undefined ? undefined : unpack<AccountId>(bytes);
  }

  /** The name of a person met before, or undefined. */
  async nameOf(account: AccountId): Promise<AccountName | undefined> {
    const bytes = await this.#platform.store.transaction((tx) => tx.get(KEY.pin(account)));
    return bytes === undefined ? undefined : unpack<PinRow>(bytes).name;
  }

  /** The pinned key of a person met before, or undefined. */
  async userKeyOf(account: AccountId): Promise<Uint8Array | undefined> {
    const bytes = await this.#platform.store.transaction((tx) => tx.get(KEY.pin(account)));
    return bytes === undefined ? undefined : unpack<PinRow>(bytes).userKey;
  }

  /** With whom, of those met before, `own` shares this room alone. Null: with none of them. */
  async peerIn(room: RoomId, own: AccountId): Promise<AccountId | null> {
    const pins = await this.#platform.store.transaction((tx) => tx.list(KEY.pinPrefix));
    const accounts = pins.map(([key]) => key.slice(KEY.pinPrefix.length) as AccountId);
    return accounts.find((account) => account !== own && directRoomIdOf(own, account) === room) ?? null;
  }

  /** A device met before, or undefined. */
  async device(device: DeviceId): Promise<KnownDevice | undefined> {
    const bytes = await this.#platform.store.transaction((tx) => tx.get(KEY.device(device)));
    return bytes === undefined ? undefined : { device, ...unpack<DeviceRow>(bytes) };
  }
}

async function meetOne(tx: StoreTransaction, told: ToldPerson): Promise<KnownPerson> {
  const name = told.account as AccountName;
  const account = told.accountId as AccountId;
  const userKey = fromBase64Url(told.userKey);
  await checkPin(tx, { name, account, userKey });
  const devices: KnownDevice[] = [];
  for (const one of told.devices) {
    const device = one.device as DeviceId;
    const signingKey = fromBase64Url(one.signingKey);
    const sealingKey = fromBase64Url(one.sealingKey);
    const row: DeviceRow = { account, signingKey, sealingKey };
    const known = await tx.get(KEY.device(device));
    if (known === undefined || !sameBytes(known, pack(row))) {
      const record = { device, signingKey, sealingKey, signature: fromBase64Url(one.signature) };
      if (!verifyDeviceRecord(account, userKey, record)) {
        throw notTheirs(name, device, 'is not signed by their key');
      }
      // Whoever signs the keys of somebody else's device would pass for the author of what that one writes.
      if (known !== undefined && unpack<DeviceRow>(known).account !== account) {
        throw notTheirs(name, device, 'belongs to somebody else');
      }
      tx.put(KEY.device(device), pack(row));
    }
    devices.push({ device, ...row });
  }
  return { name, account, devices };
}

/** @throws ParleyError `user_key_changed` */
async function checkPin(tx: StoreTransaction, told: PinRow): Promise<void> {
  const pinnedAccount = await tx.get(KEY.pinName(told.name));
  const pin = await tx.get(KEY.pin(told.account));
  if (pinnedAccount === undefined && pin === undefined) {
    // The account's id is a hash of its first key, so another key cannot be passed off under the same id.
    if (!isFirstUserKey(told.account, told.userKey)) throw keyChanged(told.name);
    tx.put(KEY.pin(told.account), pack(told));
    tx.put(KEY.pinName(told.name), pack(told.account));
    return;
  }
  const sameAccount = pinnedAccount !== undefined && unpack<AccountId>(pinnedAccount) === told.account;
  const sameKey = pin !== undefined && sameBytes(unpack<PinRow>(pin).userKey, told.userKey);
  if (!sameAccount || !sameKey) throw keyChanged(told.name);
}

function keyChanged(name: string): ParleyError {
  return new ParleyError(
    'user_key_changed',
    `The signing key of ${name} is not the one this client knows: compare keys with them before you go on.`,
    { data: { account: name } },
  );
}

function notTheirs(name: string, device: DeviceId, why: string): ParleyError {
  return new ParleyError('invalid_signature', `A device of ${name} (${device}) ${why}: refusing to use it.`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
