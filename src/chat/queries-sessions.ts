import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { accountCodec, deviceSessionsCodec, sessionCodec } from './rows.ts';
import type { AccountId, DeviceId, SessionId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

export interface SessionInfo {
  readonly session: SessionId;
  readonly account: AccountId;
  readonly device: DeviceId;
  /** SHA-256 of the access secret, 32 bytes. */
  readonly accessHash: Uint8Array;
  readonly createdAt: StampMs;
  readonly accessExpiresAt: StampMs;
  readonly expiresAt: StampMs;
  /** Revoked, by its owner, with its device, or because a spent refresh secret was used. */
  readonly ended: boolean;
}

/** Also finds sessions that have ended or expired, until they are swept: whoever authenticates must look. */
export function sessionById(reader: StateReader, session: SessionId): SessionInfo | undefined {
  const row = readRow(reader, KEYS.session(session), sessionCodec);
  if (row === undefined) return undefined;
  const { account, device, accessHash, createdAt, accessExpiresAt, expiresAt, ended } = row;
  return { session, account, device, accessHash, createdAt, accessExpiresAt, expiresAt, ended };
}

/** Sessions of all devices of an account that stand at `stampMs`, oldest first within each device. */
export function sessionsOf(reader: StateReader, account: AccountId, stampMs: StampMs): readonly SessionInfo[] {
  const devices = readRow(reader, KEYS.account(account), accountCodec)?.devices ?? [];
  return devices
    .flatMap(({ device }) => readRow(reader, KEYS.deviceSessions(device), deviceSessionsCodec) ?? [])
    .map((session) => sessionById(reader, session)!)
    .filter(({ ended, expiresAt }) => !ended && expiresAt > stampMs);
}
