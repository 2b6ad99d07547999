import { timeOf } from '../time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { CommandValues } from '../../protocol/commands.ts';
import type { GrantReply } from '../../protocol/http/login.ts';
import type { AccountName } from '../../protocol/ids.ts';

/** What whoever proved a password or a recovery code is told. @param renew whether the password is to be set anew */
export function grantReply(
  name: AccountName,
  { account, expiresAt }: CommandValues['login.finish' | 'login.recover'],
  renew: boolean,
): Static<typeof GrantReply> {
  return { account: name, accountId: account, expiresAt: timeOf(expiresAt), renew };
}
