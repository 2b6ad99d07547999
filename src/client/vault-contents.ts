import { isAccountId, isAccountName } from '../protocol/ids.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { PinRow } from './rows.ts';
import type { StoreTransaction } from './store.ts';

const V1 = 1;
const KEY_BYTES = 32;
/** What fits into a vault with room to spare. */
export const VAULT_PINS_MAX = 400;

/** What a person's vault holds: all that a new device needs to be theirs, and to know whom they know. */
export interface VaultContents {
  /** The user signing key, 32 bytes. */
  readonly userSecret: Uint8Array;
  /** What is behind the recovery code, 32 bytes: so that devices can show it, and seal the next version for it. */
  readonly recoverySecret: Uint8Array;
  /** The same for the password, where it opens the vault. */
  readonly passwordKey: Uint8Array | null;
  readonly pins: readonly PinRow[];
}

export function encodeVaultContents({ userSecret, recoverySecret, passwordKey, pins }: VaultContents): Uint8Array {
  const people = pins.slice(0, VAULT_PINS_MAX).map(({ name, account, userKey }) => [name, account, userKey]);
  return pack([V1, userSecret, recoverySecret, passwordKey, people]);
}

/** @returns null for what this program did not write */
export function decodeVaultContents(bytes: Uint8Array): VaultContents | null {
  const fields = unpackArray(bytes);
  const [version, userSecret, recoverySecret, passwordKey, people] = fields;
  if (version !== V1 || !isKey(userSecret) || !isKey(recoverySecret) || !Array.isArray(people)) return null;
  if (passwordKey !== null && !isKey(passwordKey)) return null;
  return { userSecret, recoverySecret, passwordKey, pins: people.flatMap(pinIn) };
}

/** Whom this device knows. */
export async function pinsOf(tx: StoreTransaction): Promise<readonly PinRow[]> {
  return (await tx.list(KEY.pinPrefix)).map(([, bytes]) => unpack<PinRow>(bytes));
}

/** Takes over whom another device knows; what this one has pinned stands. */
export async function takePins(tx: StoreTransaction, pins: readonly PinRow[]): Promise<void> {
  for (const pin of pins) {
    const isKnown = (await tx.get(KEY.pin(pin.account))) ?? (await tx.get(KEY.pinName(pin.name)));
    if (isKnown !== undefined) continue;
    tx.put(KEY.pin(pin.account), pack(pin));
    tx.put(KEY.pinName(pin.name), pack(pin.account));
  }
}

const isKey = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length === KEY_BYTES;

function unpackArray(bytes: Uint8Array): readonly unknown[] {
  try {
    const value = unpack<unknown>(bytes);
    return Array.isArray(value) ? (value as unknown[]) : [];
  } catch {
    return [];
  }
}

function pinIn(value: unknown): PinRow[] {
  if (!Array.isArray(value)) return [];
  const [name, account, userKey] = value as unknown[];
  const isPin = typeof name === 'string' && isAccountName(name) && typeof account === 'string' && isAccountId(account);
  return isPin && isKey(userKey) ? [{ name, account, userKey }] : [];
}
