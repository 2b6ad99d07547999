import { factorRemovalBytes, passwordSetBytes, totpEnableBytes, vaultBytes } from '../protocol/login-statements.ts';
import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { CommandKind, CommandOf } from '../protocol/commands.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/**
 * What one may log in with. Every change is signed by the user key, which all devices of a person hold and no node
 * does: whoever has got hold of a session alone changes none of it.
 */

export const setPassword: Handler<'password.set'> = (work, command) => {
  const { record, setup, signature } = command.body;
  const refusal = checkSigned(work, command, signature, (change) => passwordSetBytes(change, command.body));
  if (refusal !== undefined) return refusal;
  if (setup > (work.loginSetupCount.get('count') ?? 0)) return reject('invalid_field', 'There is no such setup.');
  const { account } = command.actor!;
  work.passwords.put(account, { id: command.txnId, record, setup, setAt: work.stampMs });
  audit(work, 'password.set');
  return accept<'password.set'>({ setup });
};

/** The second factor goes with it: it is asked for with passwords alone. */
export const removePassword: Handler<'password.remove'> = (work, command) => {
  const refusal = checkSigned(work, command, command.body.signature, (change) =>
    factorRemovalBytes(change, 'password'),
  );
  if (refusal !== undefined) return refusal;
  const { account } = command.actor!;
  if (work.passwords.get(account) === undefined) return reject('no_password');
  work.passwords.delete(account);
  work.totps.delete(account);
  audit(work, 'password.removed');
  return accept<'password.remove'>({ account });
};

/** Versions follow each other, so that of two devices that change it at once the later one reads it again first. */
export const putVault: Handler<'vault.put'> = (work, command) => {
  const { signature, ...vault } = command.body;
  const refusal = checkSigned(work, command, signature, ({ account }) => vaultBytes(account, vault));
  if (refusal !== undefined) return refusal;
  const { account } = command.actor!;
  const version = work.vaults.get(account)?.version ?? 0;
  if (vault.version !== version + 1) return reject('vault_conflict', undefined, { version });
  work.vaults.put(account, command.body);
  audit(work, 'vault.changed', { value: `${vault.version}` });
  return accept<'vault.put'>({ version: vault.version });
};

export const enableTotp: Handler<'totp.enable'> = (work, command) => {
  const { sealed, secretHash, step, signature } = command.body;
  const refusal = checkSigned(work, command, signature, (change) => totpEnableBytes(change, secretHash));
  if (refusal !== undefined) return refusal;
  const { account } = command.actor!;
  if (work.passwords.get(account) === undefined) return reject('no_password');
  work.totps.put(account, { sealed, lastStep: step });
  audit(work, 'totp.enabled');
  return accept<'totp.enable'>({ account });
};

/** Where there is none, nothing changes. */
export const disableTotp: Handler<'totp.disable'> = (work, command) => {
  const refusal = checkSigned(work, command, command.body.signature, (change) => factorRemovalBytes(change, 'totp'));
  if (refusal !== undefined) return refusal;
  const { account } = command.actor!;
  if (work.view.get(KEYS.totp(account)) !== undefined) audit(work, 'totp.disabled');
  work.totps.delete(account);
  return accept<'totp.disable'>({ account });
};

function checkSigned(
  work: Work,
  { actor, txnId }: CommandOf<CommandKind>,
  signature: Uint8Array,
  statement: (change: { readonly account: AccountId; readonly txnId: CommandOf<CommandKind>['txnId'] }) => Uint8Array,
): Rejection | undefined {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account } = actor!;
  const message = statement({ account, txnId });
  const { userKey } = work.accounts.get(account)!;
  return work.context.verifyUserSignature(userKey, message, signature) ? undefined : reject('invalid_signature');
}
