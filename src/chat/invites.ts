import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { checkAdmin } from './server-admin.ts';
import { timeCodec } from './rows.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { Handler } from './results.ts';

/** Made by an admin. The code itself is never sent here. */
export const createInvite: Handler<'invite.create'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { inviteHash, ttlMs } = command.body;
  const key = KEYS.invite(inviteHash);
  if (work.view.get(key) !== undefined) return reject('invalid_field', 'This invitation exists already.');
  const expiresAt = (work.stampMs + ttlMs) as StampMs;
  work.view.put(key, timeCodec.encode(expiresAt));
  work.expireAt(expiresAt, key);
  audit(work, 'invite.created');
  return accept<'invite.create'>({ expiresAt });
};
