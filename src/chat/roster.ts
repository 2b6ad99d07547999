import { sha256 } from '@noble/hashes/sha2.js';
import { toBase64Url } from '../protocol/base64url.ts';
import { invariant } from './invariant.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { AccountId, AccountName, DeviceId } from '../protocol/ids.ts';
import type { PlaceRow } from './member-rows.ts';
import type { AccountRow } from './rows.ts';

/** Whom an envelope in a room must be sealed to: all devices of all members, the sender's included. */
export interface Roster {
  /** Strictly grows with every change of members or of their devices. */
  readonly version: number;
  readonly members: ReadonlyMap<AccountId, RosterMember>;
  /** Sorted by device id, as in envelope headers. */
  readonly devices: readonly RosterDevice[];
}

/** Without the role: it may change while a roster is remembered. */
export interface RosterMember extends Pick<PlaceRow, 'account' | 'joinedSeq'> {
  readonly name: AccountName;
}

export interface RosterDevice {
  readonly account: AccountId;
  readonly record: DeviceRecord;
  /** SHA-256 of the sealing key. */
  readonly keyHash: Uint8Array;
}

/** @param accountOf reads rows; every member has one */
export function computeRoster(
  base: number,
  members: readonly PlaceRow[],
  accountOf: (account: AccountId) => AccountRow | undefined,
): Roster {
  let version = base;
  const byAccount = new Map<AccountId, RosterMember>();
  const devices: RosterDevice[] = [];
  for (const member of members) {
    const row = accountOf(member.account);
    invariant(row !== undefined, 'every member has an account');
    version += row.deviceVersion;
    byAccount.set(member.account, { account: member.account, joinedSeq: member.joinedSeq, name: row.name });
    for (const record of row.devices) {
      devices.push({ account: member.account, record, keyHash: sha256(record.sealingKey) });
    }
  }
  devices.sort((a, b) => (a.record.device < b.record.device ? -1 : 1));
  return { version, members: byAccount, devices };
}

/** That version alone. */
export function rosterVersion(
  base: number,
  members: readonly PlaceRow[],
  accountOf: (account: AccountId) => AccountRow | undefined,
): number {
  return members.reduce((sum, { account }) => sum + (accountOf(account)?.deviceVersion ?? 0), base);
}

/** How far an envelope's recipients are from the roster: the data of `stale_devices`. Bytes as base64url. */
export interface RosterDifference {
  readonly rosterVersion: number;
  readonly missing: readonly {
    readonly device: DeviceId;
    readonly account: AccountId;
    readonly signingKey: string;
    readonly sealingKey: string;
    readonly signature: string;
  }[];
  readonly extra: readonly DeviceId[];
}

export function isCurrent(header: EnvelopeHeader, roster: Roster): boolean {
  const { recipients } = header;
  if (header.rosterVersion !== roster.version || recipients.length !== roster.devices.length) return false;
  return roster.devices.every((device, i) => {
    const recipient = recipients[i]!;
    return recipient.device === device.record.device && sameBytes(recipient.keyHash, device.keyHash);
  });
}

/** A device that is named with another key than its own counts as missing. */
export function rosterDifference(header: EnvelopeHeader, roster: Roster): RosterDifference {
  const named = new Map(header.recipients.map(({ device, keyHash }) => [device, keyHash]));
  const missing = roster.devices.filter(({ record, keyHash }) => {
    const hash = named.get(record.device);
    return hash === undefined || !sameBytes(hash, keyHash);
  });
  const current = new Set(roster.devices.map(({ record }) => record.device));
  return {
    rosterVersion: roster.version,
    missing: missing.map(({ account, record }) => ({
      device: record.device,
      account,
      signingKey: toBase64Url(record.signingKey),
      sealingKey: toBase64Url(record.sealingKey),
      signature: toBase64Url(record.signature),
    })),
    extra: header.recipients.filter(({ device }) => !current.has(device)).map(({ device }) => device),
  };
}

/** For public bytes: not constant in time. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
