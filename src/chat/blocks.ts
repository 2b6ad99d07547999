import { LIMITS } from '../protocol/limits.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/** Who is blocked cannot begin or go on with a conversation of two, nor bring the account into a room. */
export const setBlock: Handler<'block.set'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account: other, blocked } = body;
  const own = actor!.account;
  if (other === own) return reject('invalid_field', 'Nobody blocks themselves.');
  if (work.accounts.get(other) === undefined) return reject('no_such_user');
  const pair = [own, other] as const;
  if ((work.blocks.get(pair) !== undefined) === blocked) return accept<'block.set'>({ account: other });
  const count = work.blockCounts.get(own) ?? 0;
  if (blocked && count >= LIMITS.blocksPerAccountMax) {
    return reject('too_many', `An account blocks at most ${LIMITS.blocksPerAccountMax} others.`);
  }
  if (blocked) work.blocks.put(pair, work.stampMs);
  else work.blocks.delete(pair);
  const left = count + (blocked ? 1 : -1);
  if (left > 0) work.blockCounts.put(own, left);
  else work.blockCounts.delete(own);
  work.emit({ kind: 'block-changed', account: own, other, blocked, at: work.stampMs }, own);
  return accept<'block.set'>({ account: other });
};

/** @returns a refusal where one of these has blocked `account` */
export function checkBlocks(work: Work, account: AccountId, others: readonly AccountId[]): Rejection | undefined {
  const blocker = others.find((other) => other !== account && work.blocks.get([other, account]) !== undefined);
  return blocker === undefined ? undefined : reject('blocked', undefined, { account: blocker });
}
