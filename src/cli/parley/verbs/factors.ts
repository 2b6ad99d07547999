import { base32nopad } from '@scure/base';
import { renderUnicodeCompact } from 'uqr';
import { ParleyError } from '../../../protocol/errors.ts';
import { confirmRecoveryCode, newPassword } from '../secrets.ts';
import { recoveryText } from './login.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { NewTotp } from '../../../client/factors.ts';
import type { Run } from '../run.ts';
import type { SecretOptions } from '../secrets.ts';
import type { Terminal } from '../terminal.ts';

const TOTP_SECRET_CHARACTERS = 32;

/** What one may log in with: password, recovery, totp. */
export function addFactorVerbs(parley: Command, run: Run): void {
  addPasswordVerbs(parley, run);
  addRecoveryVerbs(parley, run);
  addTotpVerbs(parley, run);
}

interface PasswordOptions extends SecretOptions {
  readonly vaultByPassword?: boolean;
}

function addPasswordVerbs(parley: Command, run: Run): void {
  const password = parley
    .command('password')
    .description('show what one may log in with; set or remove the password')
    .action(() =>
      run(async (client, terminal) => {
        const status = await client.factors.status();
        const text = [
          `password      ${status.password === null ? 'none' : `set ${status.password.setAt}`}`,
          `second factor ${status.totp ? 'codes of a phone' : 'none'}`,
          `vault         ${status.vault === null ? 'none: there is no recovery code' : `version ${status.vault}`}`,
        ];
        terminal.result(status, text.join('\n'));
      }),
    );
  password
    .command('set')
    .description('set a password, in the place of the one before; makes a recovery code where there is none')
    .option('--password-file <FILE>', 'its first line; else PARLEY_PASSWORD, else it is asked for')
    .option('--vault-by-password', 'the password alone opens the vault; see docs/CRYPTO.md')
    .option('--no-vault-by-password', 'it does not, any more')
    .action((options: PasswordOptions) =>
      run(async (client, terminal) => {
        const typed = await newPassword(terminal, options, { canBeNone: false });
        if (typed === null) throw new ParleyError('usage', 'Give a password: --password-file, or PARLEY_PASSWORD.');
        const { recoveryCode } = await client.factors.setPassword(typed, options.vaultByPassword);
        const state = { state: 'set', ...(recoveryCode === null ? {} : { recoveryCode }) };
        terminal.result(state, recoveryCode === null ? 'Set.' : `Set.\n${recoveryText(recoveryCode)}`);
        if (recoveryCode !== null) await confirmRecoveryCode(terminal, recoveryCode);
      }),
    );
  password
    .command('remove')
    .description('have no password any more, and no second factor; devices and the recovery code stay')
    .action(() =>
      run(async (client, terminal) => {
        await client.factors.removePassword();
        terminal.result({ state: 'removed' }, 'Removed. Devices log in by their keys, and let further ones in.');
      }),
    );
}

function addRecoveryVerbs(parley: Command, run: Run): void {
  const recovery = parley.command('recovery').description('the recovery code of one’s account');
  recovery
    .command('show')
    .description('show it again')
    .action(() =>
      run(async (client, terminal) => {
        const recoveryCode = await client.vault.recoveryCode();
        terminal.result({ recoveryCode }, recoveryText(recoveryCode));
      }),
    );
  recovery
    .command('new')
    .description('make a new one; the one before opens nothing any more')
    .action(() =>
      run(async (client, terminal) => {
        const recoveryCode = await client.vault.newRecoveryCode();
        terminal.result({ recoveryCode }, recoveryText(recoveryCode));
        await confirmRecoveryCode(terminal, recoveryCode);
      }),
    );
}

function addTotpVerbs(parley: Command, run: Run): void {
  const totp = parley.command('totp').description('a code of one’s phone, beside the password');
  totp
    .command('new')
    .description('draw a secret for an authenticator app, for programs: totp enable takes it with a code')
    .action(() =>
      run(async (client, terminal) => {
        const { uri, text } = await client.factors.newTotp();
        terminal.result({ uri, secret: text }, `${renderUnicodeCompact(uri)}\n${uri}`);
      }),
    );
  totp
    .command('enable')
    .description('from now on the password asks for a code too; shows a QR code for the phone')
    .option('--secret <BASE32>', 'one that totp new has drawn')
    .option('--code <DIGITS>', 'what the phone shows for it')
    .action((options: { secret?: string; code?: string }) =>
      run(async (client, terminal) => {
        const { secret, code } = await totpOf(client, terminal, options);
        await client.factors.enableTotp(secret, code);
        terminal.result({ state: 'enabled' }, 'Enabled. Without the phone, the recovery code lets you in.');
      }),
    );
  totp
    .command('disable')
    .description('ask for no code any more')
    .action(() =>
      run(async (client, terminal) => {
        await client.factors.disableTotp();
        terminal.result({ state: 'disabled' }, 'Disabled.');
      }),
    );
}

async function totpOf(
  client: ParleyClient,
  terminal: Terminal,
  { secret, code }: { readonly secret?: string; readonly code?: string },
): Promise<{ readonly secret: Pick<NewTotp, 'secret'>; readonly code: string }> {
  if (secret !== undefined && code !== undefined) return { secret: { secret: secretIn(secret) }, code };
  if (!terminal.isInteractive) {
    throw new ParleyError('usage', 'Without a terminal: draw a secret with totp new, then give --secret and --code.');
  }
  const drawn = await client.factors.newTotp();
  terminal.note(`scan this with an authenticator app, or type ${drawn.text}\n\n${renderUnicodeCompact(drawn.uri)}`);
  return { secret: drawn, code: await terminal.ask('What it shows now: ') };
}

/** @throws ParleyError `usage` */
function secretIn(typed: string): Uint8Array {
  const text = typed.replaceAll(/\s/g, '').toUpperCase();
  if (!/^[A-Z2-7]*$/.test(text) || text.length !== TOTP_SECRET_CHARACTERS) {
    throw new ParleyError('usage', '--secret: 32 characters of A–Z and 2–7, as totp new prints them.');
  }
  return base32nopad.decode(text);
}
