import { INVITE_TTL_MS_MAX } from './bounds.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { timeCodec } from './rows.ts';
import type { Handler } from './results.ts';

/** Made by whoever holds an admin token of the cluster, so nobody is logged in. The code itself is never sent here. */
export const createInvite: Handler<'invite.create'> = (work, { actor, body }) => {
  if (actor !== null) return reject('forbidden');
  const { inviteHash, expiresAt } = body;
  if (expiresAt <= work.stampMs || expiresAt > work.stampMs + INVITE_TTL_MS_MAX) {
    return reject('invalid_field', 'An invitation stands for at most 30 days from now.');
  }
  const key = KEYS.invite(inviteHash);
  if (work.view.get(key) !== undefined) return reject('invalid_field', 'This invitation exists already.');
  work.view.put(key, timeCodec.encode(expiresAt));
  work.expireAt(expiresAt, key);
  return accept<'invite.create'>({ expiresAt });
};
