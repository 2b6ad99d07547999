import { accountIdOf } from '../protocol/derive-ids.ts';
import { asDevice, audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { sameBytes } from './roster.ts';
import { timeCodec } from './rows.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/**
 * Registering needs no dedupe record: the name, taken for ever, is one. The same name with the same user key gives
 * the original result at any time.
 */
export const registerAccount: Handler<'account.register'> = (work, { body }) => {
  const { name, userKey, device, inviteHash } = body;
  const account = accountIdOf(userKey);
  const holder = work.names.get(name);
  if (holder !== undefined) {
    const row = work.accounts.get(holder)!;
    if (!sameBytes(row.userKey, userKey)) return reject('login_exists');
    if (row.state === 'deleted') return reject('account_deleted');
    return accept<'account.register'>({ account: holder, name, device: row.firstDevice });
  }
  const registered = work.accounts.get(account);
  if (registered?.state === 'deleted') return reject('account_deleted');
  if (registered !== undefined) return reject('already_registered', undefined, { account: registered.name });
  const policy = work.registration.get('policy') ?? body.policy ?? 'open';
  if (policy === 'closed') return reject('registration_closed');
  if (policy === 'invite' && inviteHash === undefined) return reject('invite_required');
  if (inviteHash !== undefined && !isInviteOpen(work, inviteHash)) return reject('invite_required');
  if (!work.context.verifyDeviceRecord(account, userKey, device)) return reject('invalid_signature');
  if (work.devices.get(device.device) !== undefined) return reject('device_exists');

  if (inviteHash !== undefined) consumeInvite(work, inviteHash);
  work.names.put(name, account);
  work.accounts.put(account, {
    name,
    userKey,
    createdAt: work.stampMs,
    deviceVersion: 1,
    devicesChangedIndex: 0,
    firstDevice: device.device,
    devices: [device],
    state: 'active',
  });
  work.devices.put(device.device, { account, revoked: false });
  audit(work, 'account.registered', {}, asDevice(account, device.device));
  return accept<'account.register'>({ account, name, device: device.device });
};

function isInviteOpen(work: Work, inviteHash: Uint8Array): boolean {
  const bytes = work.view.get(KEYS.invite(inviteHash));
  return bytes !== undefined && timeCodec.decode(bytes) > work.stampMs;
}

/** One invitation, one account. */
function consumeInvite(work: Work, inviteHash: Uint8Array): void {
  const key = KEYS.invite(inviteHash);
  work.cancelExpiry(timeCodec.decode(work.view.get(key)!), key);
  work.view.delete(key);
}
